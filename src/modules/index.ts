/** The modules in the order they are asked: each line stands before the next, and none knows its neighbours. */

import type { TrustAnchors } from '../dnssec/trust-anchors.ts'
import type { Random } from '../io/interfaces.ts'
import type { Layer } from '../request.ts'
import type { Settings } from '../settings.ts'
import { chaos } from './chaos/index.ts'
import { metaTypes } from './meta-types/index.ts'
import { minimalAny } from './minimal-any/index.ts'
import { refuseNoRd } from './refuse-no-rd/index.ts'
import { reorderRrset } from './reorder-rrset/index.ts'
import { sentinel } from './sentinel/index.ts'
import { specialNames } from './special-names/index.ts'

/** What some modules need of their surroundings; without, they are left out. */
export interface Surroundings {
  bogusLog?: Layer
  anchors?: () => TrustAnchors
}

/** What `settings` switch on. */
export function builtInModules(settings: Settings, random: Random, { bogusLog, anchors }: Surroundings = {}): Layer[] {
  return [
    ...(bogusLog === undefined ? [] : [bogusLog]), // only looks, at what the client gets in the end
    ...(settings.reorderRrset ? [reorderRrset(random)] : []), // last to see an answer
    chaos(settings), // before anything that takes a name for one of class IN
    metaTypes,
    ...(settings.sentinel && anchors !== undefined ? [sentinel(anchors)] : []),
    ...(settings.refuseNoRd ? [refuseNoRd] : []),
    ...(settings.minimalAny ? [minimalAny] : []),
    ...(settings.specialNames ? [specialNames] : []),
  ]
}
