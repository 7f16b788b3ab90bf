/** Each worker has its own mind about other servers, though they tell each other the most of it. What is known to all? */

import type { ServerFacts, ServersAnswer } from '../workers/messages.ts'

export interface ServerOfAll extends ServerFacts {
  /** Those that have met it. */
  workers: number[]
}

/** Of each server what the worker says that heard of it last; the server heard of last first, unless they are of a zone. */
export function mergeServers(looks: readonly { worker: number; facts: ServersAnswer | undefined }[]): ServerOfAll[] {
  const all = new Map<string, ServerOfAll>()
  for (const { worker, facts } of looks)
    for (const server of facts?.servers ?? []) {
      const known = all.get(server.address)
      const isNewer = known === undefined || agoMs(server) < agoMs(known)
      all.set(server.address, { ...(isNewer ? server : known), workers: [...(known?.workers ?? []), worker] })
    }
  const isOfZone = looks.some(({ facts }) => facts?.zoneCut !== undefined)
  const servers = [...all.values()]
  return isOfZone ? servers : servers.sort((one, other) => agoMs(one) - agoMs(other))
}

function agoMs({ learnedAgoMs = Number.MAX_VALUE }: ServerFacts): number {
  return learnedAgoMs
}
