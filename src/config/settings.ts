/** The kinds of settings there are: what each accepts, what it becomes, and what is said about a value it refuses.
 *
 *  A setting is a zod schema with a SettingInfo beside it. Type, default, bounds and description are declared once, here
 *  and in schema.ts; error messages, the JSON Schema and docs/configuration.md all come from that declaration. */

import * as z from 'zod'
import { familyOf, isHost, isPrefix, parseInterface } from './listen.ts'
import { nearest } from './suggest.ts'
import { parseSize, parseTimeUs, SIZE_PATTERN, sizeText, TIME_PATTERN, timeText } from './units.ts'

export interface SettingInfo {
  /** What the setting does, for the manual: whole sentences. */
  about: string
  /** What may be written, to follow "allowed:". */
  allowed: string
  /** What to write instead of `found`, as an imperative. */
  remedy(found: unknown): string
  /** The default in words, where it is not a constant. */
  otherwise?: string
  /** A value to show in the manual, where there is no constant default. */
  example?: string
  /** A section that may be written as true or false. */
  switchable?: boolean
}

/** What is known about each setting and section, by its schema. */
export const settingInfo = z.registry<SettingInfo>()

/** A check after which nothing further is said of the value, nor of how it goes with others. */
const FATAL = { abort: true }

interface Described {
  about: string
}
interface Fallback<Value> extends Described {
  fallback: Value
}
interface Bounded extends Fallback<number> {
  min: number
  max: number
}

export function flag({ about, fallback }: Fallback<boolean>) {
  return z
    .boolean()
    .default(fallback)
    .register(settingInfo, {
      about,
      allowed: 'true or false',
      remedy(found) {
        const word = String(found).toLowerCase()
        if (['yes', 'on', 'true', '1'].includes(word)) return 'write true, without quotes'
        if (['no', 'off', 'false', '0'].includes(word)) return 'write false, without quotes'
        return `write true or false; without the setting it is ${fallback}`
      },
    })
}

export function whole({ about, fallback, min, max }: Bounded) {
  return z
    .int()
    .min(min)
    .max(max)
    .default(fallback)
    .register(settingInfo, wholeInfo(about, min, max, fallback))
}

/** A port number, which may be left out. */
export function port({ about, otherwise, example }: Described & { otherwise: string; example: string }) {
  const info = wholeInfo(about, 1, 65_535, otherwise)
  return z
    .int()
    .min(1)
    .max(65_535)
    .optional()
    .register(settingInfo, { ...info, otherwise, example })
}

/** Any of `values`. */
export function choices<const Values extends readonly [string, ...string[]]>(values: Values, { about }: Described) {
  const info = {
    allowed: values.join(', '),
    remedy(found: unknown) {
      const near = typeof found === 'string' ? nearest(found, values) : undefined
      return near ? `write ${near}` : 'take it out'
    },
  }
  return z
    .array(z.enum(values).register(settingInfo, { about, ...info }))
    .prefault([])
    .register(settingInfo, {
      about,
      allowed: `a list of ${values.join(', ')}`,
      remedy: () => 'begin each item with "- "',
    })
}

export function choice<const Values extends readonly [string, ...string[]]>(
  values: Values,
  { about, fallback }: Fallback<Values[number]>,
) {
  return z
    .enum(values)
    .default(fallback as never)
    .register(settingInfo, {
      about,
      allowed: values.join(', '),
      remedy(found) {
        const near = typeof found === 'string' ? nearest(found, values) : undefined
        return `write ${near ?? fallback}`
      },
    })
}

/** Written with its unit, read as whole seconds. `fallback`, `min` and `max` are seconds. */
export function seconds(bounds: Bounded) {
  return time(bounds, 1_000_000)
}

/** Written with its unit, read as whole milliseconds. `fallback`, `min` and `max` are milliseconds. */
export function milliseconds(bounds: Bounded) {
  return time(bounds, 1000)
}

function time({ about, fallback, min, max }: Bounded, stepUs: number) {
  const step = timeText(stepUs)
  const text = (amount: number) => timeText(amount * stepUs)
  const toSteps = (written: string) => (parseTimeUs(written) ?? Number.NaN) / stepUs
  const fits = (amount: number) => Number.isInteger(amount) && amount >= min && amount <= max
  return z
    .string()
    .regex(TIME_PATTERN, FATAL)
    .refine((written) => fits(toSteps(written)), FATAL)
    .transform(toSteps)
    .prefault(text(fallback))
    .register(settingInfo, {
      about,
      allowed: `a time from ${text(min)} to ${text(max)}, in whole ${step === '1s' ? 'seconds' : 'milliseconds'} (units us, ms, s, m, h, d)`,
      remedy(found) {
        if (typeof found === 'number') return `add the unit, as in ${text(fallback)}`
        const amount = typeof found === 'string' ? toSteps(found) : Number.NaN
        if (amount < min) return `write at least ${text(min)}`
        if (amount > max) return `write at most ${text(max)}`
        if (!Number.isNaN(amount)) return `round it to a multiple of ${step}`
        return `write a whole number and its unit without a space, as in ${text(fallback)}`
      },
    })
}

/** Written with its unit, read as octets. `fallback`, `min` and `max` are octets. */
export function size({ about, fallback, min, max }: Bounded) {
  const toOctets = (written: string) => parseSize(written) ?? Number.NaN
  return z
    .string()
    .regex(SIZE_PATTERN, FATAL)
    .refine((written) => toOctets(written) >= min && toOctets(written) <= max, FATAL)
    .transform(toOctets)
    .prefault(sizeText(fallback))
    .register(settingInfo, {
      about,
      allowed: `a size from ${sizeText(min)} to ${sizeText(max)} (units B, K, M, G)`,
      remedy(found) {
        if (typeof found === 'number') return `add the unit, as in ${sizeText(fallback)}`
        const octets = typeof found === 'string' ? toOctets(found) : Number.NaN
        if (octets < min) return `write at least ${sizeText(min)}`
        if (octets > max) return `write at most ${sizeText(max)}`
        return `write a whole number and its unit without a space, as in ${sizeText(fallback)}`
      },
    })
}

/** A size, or `auto`. */
export function sizeOrAuto(bounds: Bounded) {
  const { about, fallback, min, max } = bounds
  const fits = (octets: number) => octets >= min && octets <= max
  const plain = settingInfo.get(size(bounds))!
  return z
    .string()
    .regex(SIZE_OR_AUTO, FATAL)
    .refine((written) => written === AUTO || fits(parseSize(written) ?? Number.NaN), FATAL)
    .transform((written): number | typeof AUTO => (written === AUTO ? AUTO : parseSize(written)!))
    .prefault(sizeText(fallback))
    .register(settingInfo, {
      about,
      allowed: `${plain.allowed}, or auto`,
      remedy(found) {
        const near = typeof found === 'string' ? nearest(found, [AUTO]) : undefined
        return near ? `write ${near}` : plain.remedy(found)
      },
    })
}

const AUTO = 'auto'
const SIZE_OR_AUTO = new RegExp(`^${AUTO}$|${SIZE_PATTERN.source}`)

/** A path of the file system; relative ones start in rundir. */
export function path<Fallback extends string | undefined>({
  about,
  fallback,
  otherwise,
  example,
}: {
  about: string
  fallback?: Fallback
  otherwise?: string
  example?: string
}) {
  const text = z.string().min(1)
  const schema = fallback === undefined ? text.optional() : text.default(fallback)
  return (schema as Fallback extends string ? z.ZodDefault<z.ZodString> : z.ZodOptional<z.ZodString>).register(
    settingInfo,
    {
      about,
      otherwise,
      example,
      allowed: 'a path',
      remedy: () => 'write a path, in quotes if it looks like a number; without the setting the default is used',
    },
  )
}

/** A path that must be given. */
export function neededPath({ about, example }: Described & { example: string }) {
  return z
    .string()
    .min(1)
    .register(settingInfo, {
      about,
      example,
      otherwise: 'none: it must be given',
      allowed: 'a path',
      remedy: () => 'write a path, in quotes if it looks like a number',
    })
}

/** One line of printable ASCII, `max` octets at most. */
export function line({
  about,
  max,
  otherwise,
  example,
}: Described & { max: number; otherwise: string; example: string }) {
  return lineText(max)
    .optional()
    .register(settingInfo, { about, otherwise, example, ...lineInfo(max) })
}

/** One line of printable ASCII, or false for none. */
export function lineOrFalse({ about, max, example }: Described & { max: number; example: string }) {
  const info = lineInfo(max)
  return z
    .union([z.literal(false), lineText(max)])
    .default(false)
    .register(settingInfo, { about, example, ...info, allowed: `false, or ${info.allowed}` })
}

function lineText(max: number) {
  return z
    .string()
    .min(1)
    .max(max)
    .regex(/^[\x20-\x7e]+$/)
}

function lineInfo(max: number) {
  return {
    allowed: `a line of 1 to ${max} printable ASCII characters`,
    remedy: (found: unknown) =>
      typeof found === 'string' ? 'shorten it and keep to ASCII letters, digits and signs' : 'put it in quotes',
  }
}

/** A list of texts, each of which matches `pattern`. `what` names one of them, to follow "allowed:". */
export function texts({
  about,
  what,
  pattern,
  remedy,
  example,
  otherwise,
}: Described & { what: string; pattern: RegExp; remedy: string; example: string; otherwise: string }) {
  const info = { allowed: what, remedy: () => remedy }
  const text = z
    .string()
    .regex(pattern, FATAL)
    .register(settingInfo, { about, ...info })
  return z
    .array(text)
    .prefault([])
    .register(settingInfo, {
      about,
      otherwise,
      example: JSON.stringify([example]),
      allowed: `a list, each ${what}`,
      remedy: () => 'begin each item with "- "',
    })
}

/** IP addresses of one family without a port, or prefixes all of which is ours; one or a list, read as a list. */
export function sources(family: 4 | 6, { about, otherwise }: Described & { otherwise: string }) {
  const example = family === 4 ? '192.0.2.1' : '2001:db8::1'
  const prefix = family === 4 ? '192.0.2.0/29' : '2001:db8:0:1::/64'
  const info = {
    allowed: `an IPv${family} address or prefix, as in ${example} or ${prefix}`,
    remedy: () => `write an IPv${family} address in numbers, without a port`,
  }
  const source = z
    .string()
    .refine((text) => familyOf(text) === family || isPrefix(text, family), FATAL)
    .register(settingInfo, { about, ...info })
  return z
    .union([source, z.array(source)])
    .transform(asList)
    .prefault([])
    .register(settingInfo, { about, otherwise, example, ...info, allowed: `${info.allowed}, or a list of them` })
}

/** Addresses or network interfaces to listen on, each with its port after an `@` if it has one; one or a list, read as a
 *  list. */
export function interfaces({ about }: Described) {
  const info = {
    allowed:
      'an IP address or a network interface, with or without a port, as in 127.0.0.1@5300, ::1, 0.0.0.0 or eth0@53',
    remedy: interfaceRemedy,
  }
  const one = z
    .string()
    .refine((text) => parseInterface(text) !== undefined, FATAL)
    .register(settingInfo, { about, ...info })
  return z
    .union([one, z.array(one).min(1)])
    .transform(asList)
    .register(settingInfo, {
      about,
      ...info,
      otherwise: 'none: it must be given',
      example: '127.0.0.1@5300',
      allowed: `${info.allowed}, or a list of them`,
    })
}

function interfaceRemedy(found: unknown): string {
  if (typeof found !== 'string') return 'write an address; a list begins each of them with "- "'
  const [host, port] = found.split('@')
  if (isHost(host)) return `write a port from 1 to 65535 after the @, not ${JSON.stringify(port)}`
  const colon = /^\[?([^[\]]*)\]?:(\d+)$/.exec(found)
  if (colon !== null && isHost(colon[1])) return `write the port after an @: ${colon[1]}@${colon[2]}`
  return 'write the address in numbers, or the name of an interface; host names are not looked up'
}

function asList(value: string | string[]): string[] {
  return typeof value === 'string' ? [value] : value
}

export type SettingPath = readonly (string | number)[]

/** Says that values which are allowed one by one do not go together. The mistake is shown at the first of `places`,
 *  paths from the section, that somebody has written. */
export type Complain = (places: readonly SettingPath[], allowed: string, remedy: string) => void

/** Settings under one heading; a key that is not among them is a mistake. `check` sees values that are right by
 *  themselves. */
export function section<Shape extends z.core.$ZodShape>(
  about: string,
  shape: Shape,
  check?: (values: z.output<z.ZodObject<Shape>>, complain: Complain) => void,
) {
  return group(about, shape, check)
    .prefault({} as never)
    .register(settingInfo, groupInfo(about, shape))
}

/** A section that may also be written as true or false, which is then that of its setting `enable`. */
export function switchable<Shape extends z.core.$ZodShape>(about: string, shape: Shape) {
  const written = (value: unknown) => (typeof value === 'boolean' ? { enable: value } : value)
  const info = groupInfo(about, shape)
  return z
    .preprocess(written, group(about, shape))
    .prefault({} as never)
    .register(settingInfo, { ...info, allowed: `true, false, or ${info.allowed}`, switchable: true })
}

/** A section that is an item of a list: it has no default as a whole. */
export function group<Shape extends z.core.$ZodShape>(
  about: string,
  shape: Shape,
  check?: (values: z.output<z.ZodObject<Shape>>, complain: Complain) => void,
) {
  const object = z.strictObject(shape)
  const checked =
    check === undefined ? object : object.superRefine((values, context) => complainTo(context, check, values))
  return checked.register(settingInfo, groupInfo(about, shape))
}

function groupInfo(about: string, shape: z.core.$ZodShape): SettingInfo {
  const [first] = Object.keys(shape)
  return {
    about,
    allowed: `a map of ${Object.keys(shape).join(', ')}`,
    remedy: () => `write each setting as "key: value", as in "${first}: …", on a line of its own below it`,
  }
}

export function list<Item extends z.ZodType>(
  item: Item,
  { about, fallback }: { about: string; fallback: z.input<Item>[] },
  check?: (values: z.output<Item>[], complain: Complain) => void,
) {
  const items = z.array(item)
  const checked =
    check === undefined ? items : items.superRefine((values, context) => complainTo(context, check, values))
  return checked.prefault(fallback).register(settingInfo, {
    about,
    allowed: 'a list',
    remedy: () => 'begin each item with "- "',
  })
}

function complainTo<Values>(
  context: z.core.$RefinementCtx<Values>,
  check: (values: Values, complain: Complain) => void,
  values: Values,
): void {
  check(values, (places, allowed, remedy) =>
    context.addIssue({ code: 'custom', message: remedy, params: { places, allowed, remedy } }),
  )
}

export function wholeInfo(about: string, min: number, max: number, fallback: number | string): SettingInfo {
  return {
    about,
    allowed: `a whole number from ${min} to ${max}`,
    remedy(found) {
      if (typeof found === 'number' && found < min) return `write at least ${min}`
      if (typeof found === 'number' && found > max) return `write at most ${max}`
      return `write a whole number without quotes or unit; without the setting it is ${fallback}`
    },
  }
}
