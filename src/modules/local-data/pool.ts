/** Octets that are filled from the front, and referred to by where they begin: many small things, no object for any of them. */

const FIRST_OCTETS = 32 * 1024
const GROWTH = 1.5

export class Pool {
  octets: Uint8Array
  view: DataView
  end: number

  /** With what another had in it. */
  constructor(content?: Uint8Array) {
    this.octets = content ?? new Uint8Array(FIRST_OCTETS)
    this.view = viewOf(this.octets)
    this.end = content?.length ?? 0
  }

  /** Room for `octets` more. Gives where it begins. */
  take(octets: number): number {
    const place = this.end
    this.end += octets
    if (this.end > this.octets.length) this.#resize(Math.max(this.end, Math.ceil(this.octets.length * GROWTH)))
    return place
  }

  /** Gives room back that was kept for more. */
  trim(): void {
    if (this.end < this.octets.length) this.#resize(this.end)
  }

  #resize(length: number): void {
    const resized = new Uint8Array(length)
    resized.set(this.octets.subarray(0, this.end))
    this.octets = resized
    this.view = viewOf(resized)
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}
