/** The modules in the order they are asked: each line stands before the next, and none knows its neighbours. */

import type { TrustAnchors } from '../dnssec/trust-anchors.ts'
import type { RuleHits } from '../metrics/rule-hits.ts'
import type { Layer } from '../request.ts'
import type { Settings } from '../settings.ts'
import { type BogusLog, bogusLog } from './bogus-log/index.ts'
import { chaos } from './chaos/index.ts'
import { cookies } from './cookies/index.ts'
import { dns64 } from './dns64/index.ts'
import { ednsKeepalive } from './edns-keepalive/index.ts'
import { localData } from './local-data/index.ts'
import { metaTypes } from './meta-types/index.ts'
import { minimalAny } from './minimal-any/index.ts'
import { arrange, type Budget, DEFAULT_BUDGET, type Module, type RunningModule, type Tools } from './module.ts'
import { nsid } from './nsid/index.ts'
import { rebinding } from './rebinding/index.ts'
import { refuseNoRd } from './refuse-no-rd/index.ts'
import { renumber } from './renumber/index.ts'
import { reorderRrset } from './reorder-rrset/index.ts'
import { sentinel } from './sentinel/index.ts'
import { specialNames } from './special-names/index.ts'
import { timeJump } from './time-jump/index.ts'
import { timeSkew } from './time-skew/index.ts'
import { views } from './views/index.ts'

/** What some modules need of their surroundings; without, they are left out. */
export interface Surroundings {
  bogusLog?: BogusLog
  anchors?: () => TrustAnchors
  outside?: readonly OutsideModule[]
  /** Which of several workers this is; it is for the first to look after the clock. */
  worker?: number
  /** A folder that the workers of a service share. */
  rundir?: string
  /** Where is counted which of the operator's rules questions meet. */
  ruleHits?: RuleHits
}

/** A module that does not come with Bowline, and what its settings became. */
export interface OutsideModule {
  module: Module
  config: unknown
  budget?: Budget
}

export interface ModuleSet {
  /** For the driver, in order. */
  layers: readonly Layer[]
  running: readonly RunningModule[]
  stop(): void
}

/** Puts to work what `settings` switch on. Throws a BowlineError when a module cannot use its settings. */
export function startModules(settings: Settings, tools: Tools, surroundings: Surroundings = {}): ModuleSet {
  const { anchors, outside = [], worker, rundir, ruleHits } = surroundings
  const { sections } = settings
  const front: Entry[] = [
    withSection(surroundings.bogusLog, bogusLog), // only looks, at what the client gets in the end
    on(worker === 1 && sections.clock?.jump === true, timeJump),
    on(worker === 1 && settings.validate && sections.clock?.skew === true, timeSkew),
    withSection(settings.sentinel ? anchors : undefined, sentinel),
    on(settings.reorderRrset, reorderRrset), // last to see an answer
    on(true, chaos(settings)), // before anything that takes a name for one of class IN
    on(true, metaTypes),
    withSection(settings.nsid, (text) => nsid(text, worker)),
    withSection(sections.keepalive, ({ idleMs }) => ednsKeepalive(idleMs)),
    withSection(sections.cookies, cookies), // tells who is where they say they are
    withSection(sections.views, views), // the rules of others go by what it finds
    on(settings.refuseNoRd, refuseNoRd),
    on(settings.minimalAny, minimalAny),
    withSection(sections['local-data'], (data) => localData(data, rundir, ruleHits)), // the operator's word goes before everybody's
  ].flat()
  const rear: Entry[] = [
    withSection(sections.renumber, renumber), // what comes from here is meant as it stands
    withSection(sections.rebinding, rebinding), // judges addresses as they came, and those dns64 has made
    withSection(sections.dns64, dns64),
    on(settings.specialNames, specialNames([...settings.forward, ...settings.taggedForward])),
  ].flat()
  const guests = outside.map(({ module, config, budget = DEFAULT_BUDGET }) => ({ module, config, budget }))
  const running = arrange<Entry>([...front, ...rear], guests, front.length).map(({ module, config, budget }) =>
    module.start(config, tools, budget),
  )
  return {
    layers: running,
    running,
    stop() {
      for (const module of running.toReversed()) module.stop()
    },
  }
}

interface Entry {
  module: Module
  config: unknown
  budget?: Budget
}

function on(isOn: boolean, module: Module): Entry[] {
  return isOn ? [{ module, config: {} }] : []
}

/** A module with a section of the configuration, which is off without. */
function withSection<Section>(section: Section | undefined, module: (section: Section) => Module): Entry[] {
  return section === undefined ? [] : on(true, module(section))
}
