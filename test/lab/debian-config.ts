/** Configurations of Debian's authoritative servers, one process each: no files outside of its folder, one thread. */

export interface Place {
  /** Where the server's own state goes. */
  folder: string
  addresses: readonly string[]
  port: number
}

/** What every knotd is told; `sections` of its zones follow. */
export function knotConfig({ folder, addresses, port }: Place, ...sections: string[]): string {
  return `server:
  rundir: "${folder}"
  listen: [ ${addresses.map((address) => `${address}@${port}`).join(', ')} ]
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
log:
  - target: stderr
    any: error
database:
  storage: "${folder}"
${sections.join('')}`
}

/** Zones are loaded from their files as they are, and these are never written. */
export const KNOT_TEMPLATE = `template:
  - id: default
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: none
`

/** `zones`: origin and file of each; `settings`: lines of the server's section. */
export function nsdConfig(
  { folder, addresses, port }: Place,
  zones: Iterable<readonly [origin: string, file: string]>,
  settings = '',
): string {
  return `server:
${addresses.map((address) => `  ip-address: ${address}@${port}\n`).join('')}  server-count: 1
  username: ""
  chroot: ""
  database: ""
  zonesdir: "${folder}"
  xfrdir: "${folder}"
  xfrdfile: "${folder}/xfrd.state"
  zonelistfile: "${folder}/zone.list"
  pidfile: ""
  rrl-ratelimit: 0
${settings}remote-control:
  control-enable: no
${[...zones].map(([origin, file]) => `zone:\n  name: "${origin}"\n  zonefile: "${file}"\n`).join('')}`
}
