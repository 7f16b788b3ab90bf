/** Octets written so that people can read them, for the tests of the codec. */

import { nameFromText } from '../../src/wire/name.ts'

/** From words of hex digits, names in angle brackets and ASCII in quotes: `0001 <www.example.org> "text"`. */
export function octets(text: string): Uint8Array {
  const parts: Uint8Array[] = []
  for (const [, name, ascii, hex] of text.matchAll(/<([^>]*)>|"([^"]*)"|([0-9a-fA-F]+)/g)) {
    if (name !== undefined) parts.push(nameFromText(name))
    else if (ascii !== undefined) parts.push(Buffer.from(ascii, 'latin1'))
    else parts.push(Buffer.from(hex, 'hex'))
  }
  return Uint8Array.from(Buffer.concat(parts))
}

/** The octets as hex digits. */
export function hex(value: Uint8Array): string {
  return Buffer.from(value).toString('hex')
}

/** The code of the WireError `action` throws; undefined when it throws nothing. */
export function wireErrorOf(action: () => unknown): string | undefined {
  try {
    action()
  } catch (error) {
    if (error instanceof Error && error.name === 'WireError') return (error as Error & { code: string }).code
    throw error
  }
  return undefined
}
