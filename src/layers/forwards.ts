/** For which part of the name space are given servers asked, and not those the zones name? The operator's rules, the
 *  deepest of which counts. */

import type { ForwardRule } from '../settings.ts'
import { countLabels, type Name, nameKey, parentName } from '../wire/name.ts'

export class Forwards {
  readonly #rules = new Map<string, ForwardRule>()

  constructor(rules: readonly ForwardRule[]) {
    for (const rule of rules) this.#rules.set(nameKey(rule.subtree), rule)
  }

  /** The name of the deepest rule for `name`, exceptions included: nothing learned above it holds below. */
  boundary(name: Name, side: 'at-or-above' | 'strictly-above'): Name | undefined {
    if (this.#rules.size === 0) return undefined
    let zone = name
    for (let labels = countLabels(name); labels >= 0; labels--, zone = parentName(zone)) {
      if (zone === name && side === 'strictly-above') continue
      const rule = this.#rules.get(nameKey(zone))
      if (rule !== undefined) return rule.subtree
    }
    return undefined
  }

  /** The rule for `name`; undefined when it is resolved as the zones want it, also because a rule says so. */
  find(name: Name, side: 'at-or-above' | 'strictly-above' = 'at-or-above'): ForwardRule | undefined {
    if (this.#rules.size === 0) return undefined
    let labels = countLabels(name)
    let zone = name
    if (side === 'strictly-above') {
      if (labels-- === 0) return undefined
      zone = parentName(zone)
    }
    for (; labels >= 0; labels--, zone = parentName(zone)) {
      const rule = this.#rules.get(nameKey(zone))
      if (rule !== undefined) return rule.servers.length === 0 ? undefined : rule
    }
    return undefined
  }
}
