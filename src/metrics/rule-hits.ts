/** How often do questions meet the operator's rules, and what is done then? By list: the part of the configuration where the
 *  rules stand. */

export interface RuleHit {
  list: string
  action: string
  times: number
}

export class RuleHits {
  readonly #times = new Map<string, Map<string, number>>()
  /** Names that rules of local data are about. */
  localNames = 0

  count(list: string, action: string): void {
    let actions = this.#times.get(list)
    if (actions === undefined) this.#times.set(list, (actions = new Map()))
    actions.set(action, (actions.get(action) ?? 0) + 1)
  }

  all(): RuleHit[] {
    return [...this.#times].flatMap(([list, actions]) =>
      [...actions].map(([action, times]) => ({ list, action, times })),
    )
  }
}
