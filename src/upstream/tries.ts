/** How often was each server of a zone cut asked? Nearly always it is one server, once. */

/** To look at; a Map will do. */
export interface Tried {
  readonly size: number
  get(key: string): number | undefined
  has(key: string): boolean
}

export class Tries implements Tried {
  #key: string | undefined = undefined
  #count = 0
  /** All, once there are two. */
  #all: Map<string, number> | undefined = undefined

  get size(): number {
    return this.#all?.size ?? (this.#key === undefined ? 0 : 1)
  }

  get(key: string): number | undefined {
    if (this.#all !== undefined) return this.#all.get(key)
    return key === this.#key ? this.#count : undefined
  }

  has(key: string): boolean {
    return this.get(key) !== undefined
  }

  set(key: string, count: number): void {
    if (this.#all === undefined && this.#key !== undefined && this.#key !== key)
      this.#all = new Map([[this.#key, this.#count]])
    if (this.#all !== undefined) this.#all.set(key, count)
    else [this.#key, this.#count] = [key, count]
  }

  delete(key: string): void {
    if (this.#all !== undefined) this.#all.delete(key)
    else if (this.#key === key) this.#key = undefined
  }
}
