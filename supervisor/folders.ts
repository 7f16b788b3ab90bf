/** Users and groups of the system, and the folders that are made theirs. */

import { chownSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Ids {
  uid: number
  gid: number
}

/** The ids of `user`; undefined when the system does not know it. Makes `folders` and gives them to it, with what is in them. */
export function chownFolder(user: string, folders: readonly string[]): Ids | undefined {
  const fields = entryOf('/etc/passwd', user)
  if (fields === undefined) return undefined
  const ids = { uid: Number(fields[2]), gid: Number(fields[3]) }
  for (const folder of folders) {
    mkdirSync(folder, { recursive: true, mode: 0o755 })
    for (const path of [folder, ...readdirSync(folder).map((name) => join(folder, name))])
      chownSync(path, ids.uid, ids.gid)
  }
  return ids
}

/** The id of `group`; undefined when the system does not know it. */
export function groupId(group: string): number | undefined {
  const fields = entryOf('/etc/group', group)
  return fields === undefined ? undefined : Number(fields[2])
}

function entryOf(path: string, name: string): string[] | undefined {
  try {
    const line = readFileSync(path, 'utf8')
      .split('\n')
      .find((one) => one.startsWith(`${name}:`))
    return line?.split(':')
  } catch {
    return undefined
  }
}
