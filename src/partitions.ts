/** Which clients share what was learned? Most services have one cache for all. Where views have partitions of their own,
 *  each partition has a core of its own: a cache that sees its partition only, its own forward rules, its own questions in
 *  flight. So nothing can get from one to another. */

import { BowlineError } from './config/error.ts'
import type { TrustAnchor } from './dnssec/trust-anchors.ts'
import type { CoreCounters } from './driver/counters.ts'
import { COMMON_POLICY, NO_POLICY, Policies } from './modules/views/policies.ts'
import type { Client } from './request.ts'
import type { Core, CoreOptions } from './resolve.ts'
import type { ForwardRule, Settings } from './settings.ts'

/** As CoreOptions.onReady; `policy`: for whose clients it is good (modules/views/policies.ts). */
export type OnReady = (packet: Uint8Array, response: Uint8Array, secure: boolean, policy: number) => void

/** Makes the core of a partition, with settings and onReady of its own. The first is that of partition 0. */
export type MakeCore = (partition: number, own: { settings: Settings } & Pick<CoreOptions, 'onReady'>) => Core

export class Partitions {
  /** Undefined: there are no views, and all clients are alike. */
  readonly policies: Policies | undefined
  readonly #cores: ReadonlyMap<number, Core>
  readonly #common: Core
  /** That of the client whose packet is being handled. */
  #policy = COMMON_POLICY

  /** Throws a BowlineError when views of one partition have different forward rules. */
  constructor(settings: Settings, make: MakeCore, onReady: OnReady = () => {}) {
    const { views } = settings.sections
    if (views !== undefined) this.policies = new Policies(views)
    const tell: CoreOptions['onReady'] = (packet, response, secure) => {
      if (this.#policy !== NO_POLICY) onReady(packet, response, secure, this.#policy)
    }
    const cores = new Map<number, Core>()
    for (const [partition, forward] of forwardByPartition(settings))
      cores.set(partition, make(partition, { settings: { ...settings, forward }, onReady: tell }))
    this.#cores = cores
    this.#common = cores.get(0) as Core
  }

  get cores(): readonly Core[] {
    return [...this.#cores.values()]
  }

  /** As Core.handle(), in the client's partition. */
  handle(packet: Uint8Array, client: Client, respond: Parameters<Core['handle']>[2]): void {
    const { policies } = this
    if (policies === undefined) {
      this.#common.handle(packet, client, respond)
      return
    }
    this.#policy = policies.of(client.address, client.destination, client.overUdp)
    const core = this.#cores.get(policies.partitionOf(this.#policy)) as Core
    core.handle(packet, client, respond)
  }

  get inFlight(): number {
    if (this.#cores.size === 1) return this.#common.inFlight
    return this.cores.reduce((sum, core) => sum + core.inFlight, 0)
  }

  /** Of all cores together. */
  get counters(): CoreCounters {
    return this.cores.map(({ counters }) => counters).reduce((a, b) => sumOf(a, b))
  }

  /** As the method of Core. */
  replaceAnchors(anchors: readonly TrustAnchor[]): void {
    for (const core of this.cores) core.replaceAnchors(anchors)
  }

  forgetKeys(): void {
    for (const core of this.cores) core.forgetKeys()
  }

  drain(timeoutMs: number, done: () => void): void {
    let draining = this.#cores.size
    for (const core of this.cores) core.drain(timeoutMs, () => --draining === 0 && done())
  }

  close(): void {
    for (const core of this.cores) core.close()
  }
}

/** The forward rules of each partition there is. */
export function forwardByPartition({ sections, forward, taggedForward }: Settings): Map<number, ForwardRule[]> {
  const common = { rules: forward, chosen: '', who: 'clients of no view' }
  const partitions = new Map([[0, common]])
  for (const [index, view] of (sections.views ?? []).entries()) {
    if (view.answer === 'refused' || view.answer === 'noanswer') continue
    const tagged = taggedForward.filter((rule) => rule.tags.some((tag) => view.tags.includes(tag)))
    const chosen = tagged.map((rule) => taggedForward.indexOf(rule)).join()
    const partition = view.options['cache-partition']
    const known = partitions.get(partition)
    if (known !== undefined && known.chosen !== chosen)
      throw new BowlineError(
        'cache-partition',
        `views/${index}/options/cache-partition: ${partition} is also that of ${known.who}, for whom other forward rules hold, by ` +
          'their tags; give the view a cache-partition of its own',
      )
    // later rules replace earlier ones for the same subtree
    partitions.set(partition, known ?? { rules: [...forward, ...tagged], chosen, who: `views/${index}` })
  }
  return new Map([...partitions].map(([partition, { rules }]) => [partition, [...rules]]))
}

/** Two trees of numbers, added up leaf by leaf. */
function sumOf<Tree>(a: Tree, b: Tree): Tree {
  if (typeof a === 'number' || typeof b === 'number') return (((a as number) ?? 0) + ((b as number) ?? 0)) as Tree
  if (ArrayBuffer.isView(a))
    return (a as unknown as Float64Array).map((value, at) => value + (b as unknown as Float64Array)[at]) as Tree
  const [left, right] = [(a ?? {}) as Record<string, unknown>, (b ?? {}) as Record<string, unknown>]
  const keys = new Set([...Object.keys(left), ...Object.keys(right)])
  return Object.fromEntries([...keys].map((key) => [key, sumOf(left[key], right[key])])) as Tree
}
