/** In what order are the hooks called? Layers and modules stand in one list, from the client's side to the network's; each
 *  hook goes down it or comes up, past those that do not have it. */

import type { Layer } from '../request.ts'

/** The hooks of all layers that have them, in the order they are called. */
export class Hooks {
  readonly begin: NonNullable<Layer['begin']>[]
  readonly produce: NonNullable<Layer['produce']>[]
  readonly checkout: NonNullable<Layer['checkout']>[]
  readonly consume: NonNullable<Layer['consume']>[]
  readonly answer: NonNullable<Layer['answer']>[]
  readonly rescue: NonNullable<Layer['rescue']>[]
  readonly finish: NonNullable<Layer['finish']>[]
  /** Some module has to see what an index of ready answers would answer. */
  readonly seesCached: boolean

  /** `layers` from the client's side to the network's: down the list on the way out, up on the way back. */
  constructor(layers: readonly Layer[]) {
    const upwards = layers.toReversed()
    this.begin = layers.flatMap((layer) => layer.begin?.bind(layer) ?? [])
    this.produce = layers.flatMap((layer) => layer.produce?.bind(layer) ?? [])
    this.checkout = layers.flatMap((layer) => layer.checkout?.bind(layer) ?? [])
    this.consume = upwards.flatMap((layer) => layer.consume?.bind(layer) ?? [])
    this.answer = upwards.flatMap((layer) => layer.answer?.bind(layer) ?? [])
    this.rescue = layers.flatMap((layer) => layer.rescue?.bind(layer) ?? [])
    this.finish = upwards.flatMap((layer) => layer.finish?.bind(layer) ?? [])
    this.seesCached = layers.some((layer) => layer.seesCached)
  }
}
