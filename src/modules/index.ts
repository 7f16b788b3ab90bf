/** The modules in the order they are asked: each line stands before the next, and none knows its neighbours. */

import type { Random } from '../io/interfaces.ts'
import type { Layer } from '../request.ts'
import type { Settings } from '../settings.ts'
import { chaos } from './chaos/index.ts'
import { metaTypes } from './meta-types/index.ts'
import { minimalAny } from './minimal-any/index.ts'
import { refuseNoRd } from './refuse-no-rd/index.ts'
import { reorderRrset } from './reorder-rrset/index.ts'
import { specialNames } from './special-names/index.ts'

/** What `settings` switch on. */
export function builtInModules(settings: Settings, random: Random): Layer[] {
  return [
    ...(settings.reorderRrset ? [reorderRrset(random)] : []), // last to see an answer
    chaos(settings), // before anything that takes a name for one of class IN
    metaTypes,
    ...(settings.refuseNoRd ? [refuseNoRd] : []),
    ...(settings.minimalAny ? [minimalAny] : []),
    ...(settings.specialNames ? [specialNames] : []),
  ]
}
