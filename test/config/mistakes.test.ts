/** Every kind of mistake an operator can make, and the very line that is shown for it. */

import { expect } from 'chai'
import fc from 'fast-check'
import { configSchema } from '../../src/config/schema.ts'
import { schemaAt, shapeOf } from '../../src/config/tree.ts'
import { mistakesOf } from './machine.ts'

const TIME = 'in whole seconds (units us, ms, s, m, h, d)'
const SIZE = '(units B, K, M, G)'
const INTERFACE =
  'an IP address or a network interface, with or without a port, as in 127.0.0.1@5300, ::1, 0.0.0.0 or eth0@53'
const settingsOf = (...path: string[]) => {
  const shape = shapeOf(schemaAt(configSchema, path) ?? configSchema)
  return shape.kind === 'section' ? Object.keys(shape.settings).join(', ') : ''
}
const TOP = settingsOf()
const OPTIONS = settingsOf('options')

/** One or several lines of YAML, and what is said of them. */
const cases: Record<string, [yaml: string, ...lines: string[]][]> = {
  'an unknown setting': [
    ['worker: 2', `a.yaml:1:1: worker: found an unknown setting; allowed: ${TOP}; did you mean workers?`],
    ['zzz: 2', `a.yaml:1:1: zzz: found an unknown setting; allowed: ${TOP}; take it out, or correct its name`],
    [
      'options:\n  ttl-max: 1d',
      `a.yaml:2:3: options/ttl-max: found an unknown setting; allowed: ${OPTIONS}; did you mean cache/ttl-max?`,
    ],
    [
      'options: {query_loopback: true}',
      `a.yaml:1:11: options/query_loopback: found an unknown setting; allowed: ${OPTIONS}; did you mean query-loopback?`,
    ],
    [
      'network:\n  listen:\n    - interface: ::1\n      prot: 53',
      'a.yaml:4:7: network/listen/0/prot: found an unknown setting; allowed: interface, port, kind; did you mean port?',
    ],
    [
      '__proto__: {workers: 2}',
      `a.yaml:1:1: __proto__: found an unknown setting; allowed: ${TOP}; take it out, or correct its name`,
    ],
    ['1: 2', `a.yaml:1:1: 1: found an unknown setting; allowed: ${TOP}; take it out, or correct its name`],
  ],
  'a setting that only Knot Resolver has': [
    [
      'network: {listen: [{interface: ::1, freebind: true}]}',
      'a.yaml:1:37: network/listen/0/freebind: found an unknown setting; allowed: interface, port, kind; take it out; ' +
        'Knot Resolver has this setting, this version of Bowline does not',
    ],
  ],
  'a Lua script': [
    [
      'lua:\n  script: policy.add()',
      "a.yaml:1:1: lua: found a setting of Knot Resolver's Lua layer; allowed: nothing, Bowline runs no Lua; take it out; " +
        'docs/configuration.md#coming-from-knot-resolver says what to use instead',
    ],
  ],
  'a flag': [
    [
      'network:\n  do-ipv4: yes',
      'a.yaml:2:12: network/do-ipv4: found "yes"; allowed: true or false; write true, without quotes',
    ],
    [
      'options: {priming: off}',
      'a.yaml:1:20: options/priming: found "off"; allowed: true or false; write false, without quotes',
    ],
    [
      'options: {priming: maybe}',
      'a.yaml:1:20: options/priming: found "maybe"; allowed: true or false; write true or false; without the setting it is true',
    ],
    [
      'options:\n  priming:',
      'a.yaml:2:11: options/priming: found nothing; allowed: true or false; write true or false; without the setting it is true',
    ],
  ],
  'a whole number': [
    [
      'options: {request-budget: {depth: 0}}',
      'a.yaml:1:35: options/request-budget/depth: found 0; allowed: a whole number from 1 to 100; write at least 1',
    ],
    [
      'options: {request-budget: {depth: 101}}',
      'a.yaml:1:35: options/request-budget/depth: found 101; allowed: a whole number from 1 to 100; write at most 100',
    ],
    ...['2.5', '"8"', '.nan'].map((written, index): [string, string] => [
      `options: {request-budget: {depth: ${written}}}`,
      `a.yaml:1:35: options/request-budget/depth: found ${['2.5', '"8"', 'NaN'][index]}; allowed: a whole number from 1 to 100; ` +
        'write a whole number without quotes or unit; without the setting it is 8',
    ]),
    ['version: 2', 'a.yaml:1:10: version: found 2; allowed: a whole number from 1 to 1; write at most 1'],
  ],
  'a number or a word': [
    [
      'workers: 0',
      'a.yaml:1:10: workers: found 0; allowed: a whole number from 1 to 256, auto, or a map of count, min, max, cpu-affinity, as in {min: 2, max: 8}; write at least 1',
    ],
    [
      'workers: 257',
      'a.yaml:1:10: workers: found 257; allowed: a whole number from 1 to 256, auto, or a map of count, min, max, cpu-affinity, as in {min: 2, max: 8}; write at most 256',
    ],
    [
      'workers: atuo',
      'a.yaml:1:10: workers: found "atuo"; allowed: a whole number from 1 to 256, auto, or a map of count, min, max, cpu-affinity, as in {min: 2, max: 8}; write auto',
    ],
    [
      'workers: [2]',
      'a.yaml:1:10: workers: found a list of 1; allowed: a whole number from 1 to 256, auto, or a map of count, min, max, cpu-affinity, as in {min: 2, max: 8}; write a whole number without ' +
        'quotes or unit; without the setting it is auto',
    ],
    [
      'workers: {min: 3, max: 2}',
      'a.yaml:1:16: workers/min: found 3; allowed: at most 2, which is max; lower min, or raise max',
    ],
    ['workers: {max: 2}', 'a.yaml:1:16: workers/max: found 2; allowed: min and max together; add min'],
    [
      'workers: {count: 4, min: 2, max: 4}',
      'a.yaml:1:18: workers/count: found 4; allowed: count, or min and max; take out count, or the others',
    ],
    [
      'workers: {cpu-afinity: auto}',
      'a.yaml:1:11: workers/cpu-afinity: found an unknown setting; allowed: count, min, max, cpu-affinity; did you mean cpu-affinity?',
    ],
    [
      'workers: {cpu-affinity: 2}',
      'a.yaml:1:25: workers/cpu-affinity: found 2; allowed: auto, or a list of the numbers of CPUs, as in [0, 2]; write [2], or auto',
    ],
    [
      'workers: {cpu-affinity: [0, two]}',
      'a.yaml:1:29: workers/cpu-affinity/1: found "two"; allowed: the number of a CPU, from 0 to 8191; write a number as /proc/cpuinfo has it',
    ],
  ],
  'a choice': [
    [
      'options:\n  glue-checking: Strct',
      'a.yaml:2:18: options/glue-checking: found "Strct"; allowed: normal, strict, permissive; write strict',
    ],
    [
      'logging: {level: 7}',
      'a.yaml:1:18: logging/level: found 7; allowed: crit, err, warning, notice, info, debug; write notice',
    ],
  ],
  'a time': [
    [
      'cache: {ttl-min: 5}',
      `a.yaml:1:18: cache/ttl-min: found 5; allowed: a time from 0s to 1h, ${TIME}; add the unit, as in 5s`,
    ],
    [
      'cache: {ttl-min: 2h}',
      `a.yaml:1:18: cache/ttl-min: found "2h"; allowed: a time from 0s to 1h, ${TIME}; write at most 1h`,
    ],
    [
      'cache: {ttl-max: 0s}',
      `a.yaml:1:18: cache/ttl-max: found "0s"; allowed: a time from 1s to 7d, ${TIME}; write at least 1s`,
    ],
    [
      'cache: {ttl-min: 1500ms}',
      `a.yaml:1:18: cache/ttl-min: found "1500ms"; allowed: a time from 0s to 1h, ${TIME}; round it to a multiple of 1s`,
    ],
    ...['5 s', '5sec', '1.5m', '-5s', 'soon'].map((written): [string, string] => [
      `cache: {ttl-min: ${written}}`,
      `a.yaml:1:18: cache/ttl-min: found "${written}"; allowed: a time from 0s to 1h, ${TIME}; write a whole number and its ` +
        'unit without a space, as in 5s',
    ]),
  ],
  'a size': [
    [
      'network: {edns-buffer-size: {upstream: 1232}}',
      `a.yaml:1:40: network/edns-buffer-size/upstream: found 1232; allowed: a size from 512B to 65535B ${SIZE}; add the unit, as in 1232B`,
    ],
    [
      'cache: {size-max: 1K}',
      `a.yaml:1:19: cache/size-max: found "1K"; allowed: a size from 1M to 1024G ${SIZE}, or auto; write at least 1M`,
    ],
    [
      'cache: {size-max: 2048G}',
      `a.yaml:1:19: cache/size-max: found "2048G"; allowed: a size from 1M to 1024G ${SIZE}, or auto; write at most 1024G`,
    ],
    [
      'cache: {size-max: 100MB}',
      `a.yaml:1:19: cache/size-max: found "100MB"; allowed: a size from 1M to 1024G ${SIZE}, or auto; write a whole number and its ` +
        'unit without a space, as in 100M',
    ],
    [
      'cache: {size-max: Auto}',
      `a.yaml:1:19: cache/size-max: found "Auto"; allowed: a size from 1M to 1024G ${SIZE}, or auto; write auto`,
    ],
  ],
  'a switch that is also a section': [
    [
      'options:\n  serve-stale: yes',
      'a.yaml:2:16: options/serve-stale: found "yes"; allowed: true, false, or a map of enable, client-timeout, max-age, ' +
        'reply-ttl; write each setting as "key: value", as in "enable: …", on a line of its own below it',
    ],
    [
      'options:\n  serve-stale: {enabled: true}',
      'a.yaml:2:17: options/serve-stale/enabled: found an unknown setting; allowed: enable, client-timeout, max-age, ' +
        'reply-ttl; did you mean enable?',
    ],
  ],
  'a zone to be prefilled': [
    [
      'cache:\n  prefill: [{origin: ., url: root.zone}]\ndnssec:\n  enable: false',
      'a.yaml:4:11: dnssec/enable: found false; allowed: true beside cache/prefill, which takes what is signed; set it to true, ' +
        'or take cache/prefill out',
    ],
    [
      'cache:\n  prefill:\n    - origin: .\n      url: ftp://192.0.2.1/root.zone\n    - url: root.zone',
      'a.yaml:4:12: cache/prefill/0/url: found "ftp://192.0.2.1/root.zone"; allowed: https: or file: and the rest of a URL, ' +
        'axfr:// and an address, or a path; write it as in https://www.internic.net/domain/root.zone, axfr://192.0.2.1@53 or ' +
        '/var/lib/bowline/root.zone',
      'a.yaml:5:7: cache/prefill/1/origin: found nothing; allowed: a domain name; add origin',
    ],
    [
      'cache:\n  prefill:\n    - origin: se\n      url: axfr://192.0.2.1@5300\n    - origin: SE.\n      url: se.zone',
      'a.yaml:5:15: cache/prefill/1/origin: found "SE."; allowed: each zone once; take one of the two out',
    ],
    [
      'cache:\n  prefill:\n    - {origin: se, url: axfr://ns.se, refresh-interval: 1s}',
      'a.yaml:3:25: cache/prefill/0/url: found "axfr://ns.se"; allowed: https: or file: and the rest of a URL, axfr:// and an ' +
        'address, or a path; write it as in https://www.internic.net/domain/root.zone, axfr://192.0.2.1@53 or ' +
        '/var/lib/bowline/root.zone',
      `a.yaml:3:57: cache/prefill/0/refresh-interval: found "1s"; allowed: a time from 1m to 30d, ${TIME}; write at least 1m`,
    ],
    [
      'cache:\n  prefill:\n    - {origin: se, url: se.zone, ca-file: ca.pem}',
      'a.yaml:3:43: cache/prefill/0/ca-file: found "ca.pem"; allowed: only beside a url that begins with https:; take it out, or ' +
        'name a web server',
    ],
  ],
  'a path': [
    [
      'rundir: 5',
      'a.yaml:1:9: rundir: found 5; allowed: a path; write a path, in quotes if it looks like a number; without the setting ' +
        'the default is used',
    ],
    [
      'options:\n  root-hints-file: missing.hints',
      'a.yaml:2:20: options/root-hints-file: found "missing.hints"; allowed: a file that can be read; make sure that ' +
        '/users/ada/.local/state/bowline/missing.hints is there and may be read',
    ],
    [
      `management:\n  unix-socket: /${'s'.repeat(107)}`,
      'a.yaml:2:16: management/unix-socket: found a path of 108 octets; allowed: a path of at most 107 octets, rundir included; ' +
        'shorten it or rundir',
    ],
    [
      `rundir: /${'r'.repeat(107)}`,
      'a.yaml:1:9: rundir: found a path of 121 octets; allowed: a path of at most 107 octets, with management/unix-socket in it; ' +
        'shorten it',
    ],
  ],
  'a line of text': [
    [
      'nsid: 5',
      'a.yaml:1:7: nsid: found 5; allowed: false, or a line of 1 to 128 printable ASCII characters; put it in quotes',
    ],
    [
      'nsid: "a\\nb"',
      'a.yaml:1:7: nsid: found "a\\nb"; allowed: false, or a line of 1 to 128 printable ASCII characters; shorten it and keep to ' +
        'ASCII letters, digits and signs',
    ],
    [
      'hostname: 8',
      'a.yaml:1:11: hostname: found 8; allowed: a line of 1 to 253 printable ASCII characters; put it in quotes',
    ],
  ],
  'an address': [
    [
      'network: {out-interface-v4: ::1}',
      'a.yaml:1:29: network/out-interface-v4: found "::1"; allowed: an IPv4 address or prefix, as in 192.0.2.1 or 192.0.2.0/29, or a list of them; write ' +
        'an IPv4 address in numbers, without a port',
    ],
    [
      'network:\n  out-interface-v6:\n    - ::1\n    - 192.0.2.1\n    - ::1@53',
      ...['4:7: network/out-interface-v6/1: found "192.0.2.1"', '5:7: network/out-interface-v6/2: found "::1@53"'].map(
        (start) =>
          `a.yaml:${start}; allowed: an IPv6 address or prefix, as in 2001:db8::1 or 2001:db8:0:1::/64; write an IPv6 address in numbers, without a port`,
      ),
    ],
  ],
  'an interface': [
    [
      'network: {listen: [{interface: 127.0.0.1:53}]}',
      `a.yaml:1:32: network/listen/0/interface: found "127.0.0.1:53"; allowed: ${INTERFACE}, or a list of them; write the port ` +
        'after an @: 127.0.0.1@53',
    ],
    [
      'network: {listen: [{interface: "[::1]:53"}]}',
      `a.yaml:1:32: network/listen/0/interface: found "[::1]:53"; allowed: ${INTERFACE}, or a list of them; write the port ` +
        'after an @: ::1@53',
    ],
    [
      'network: {listen: [{interface: localhost}]}',
      `a.yaml:1:32: network/listen/0/interface: found "localhost"; allowed: ${INTERFACE}, or a list of them; write the address in ` +
        'numbers, or the name of an interface; host names are not looked up',
    ],
    [
      'network: {listen: [{interface: [::1@53, "::1@0"]}]}',
      `a.yaml:1:41: network/listen/0/interface/1: found "::1@0"; allowed: ${INTERFACE}; write a port from 1 to 65535 after the @, ` +
        'not "0"',
    ],
    [
      'network: {listen: [{port: 53}]}',
      `a.yaml:1:20: network/listen/0/interface: found nothing; allowed: ${INTERFACE}, or a list of them; add interface`,
    ],
    [
      'network: {listen: [{interface: []}]}',
      `a.yaml:1:32: network/listen/0/interface: found an empty list; allowed: ${INTERFACE}, or a list of them; write an address; ` +
        'a list begins each of them with "- "',
    ],
  ],
  'a server to forward to': [
    [
      'forward: [{subtree: ., servers: [here]}]',
      'a.yaml:1:34: forward/0/servers/0: found "here"; allowed: an address, with a port after an @ if it is not the usual one, ' +
        'or a map with address, transport and more; write the address in numbers, as in 192.0.2.53 or 2001:db8::53@5353; host names ' +
        'are not looked up',
    ],
    [
      'forward: [{subtree: ., servers: [{address: 192.0.2.1, transport: tls}]}]',
      'a.yaml:1:66: forward/0/servers/0/transport: found "tls"; allowed: tls with hostname or pin-sha256, by which the server is ' +
        'known; add hostname, the name its certificate is for',
    ],
    [
      'forward: [{subtree: ., servers: [{address: 192.0.2.1, transport: tls, pin-sha256: OLzhpgEZsWqJu6Lc1aRPGg==}]}]',
      'a.yaml:1:83: forward/0/servers/0/pin-sha256: found "OLzhpgEZsWqJu6Lc1aRPGg=="; allowed: a SHA-256 of a public key in base64, ' +
        '44 characters, or a list of them; write it as RFC 7858 §4.2 has it; docs/running.md tells how to find it out',
    ],
    [
      'forward: [{subtree: ., servers: [{address: 192.0.2.1, hostname: dns.example.net}]}]',
      'a.yaml:1:65: forward/0/servers/0/hostname: found "dns.example.net"; allowed: only with transport tls; add transport: tls',
    ],
    [
      'fallback: {servers: [{address: 192.0.2.1, transport: tls, hostname: dns.example.net, ca-file: /nowhere/ca.pem}]}',
      'a.yaml:1:95: fallback/servers/0/ca-file: found "/nowhere/ca.pem"; allowed: a file that can be read; make sure that ' +
        '/nowhere/ca.pem is there and may be read',
    ],
  ],
  'a list of texts': [
    [
      'dnssec: {trust-anchors: . DS 1 2}',
      'a.yaml:1:25: dnssec/trust-anchors: found ". DS 1 2"; allowed: a list, each a DS or DNSKEY record as in a zone file; begin ' +
        'each item with "- "',
    ],
    [
      'dnssec:\n  trust-anchors:\n    - . IN DS 20326 8 2 E06D\n    - . A 192.0.2.1',
      'a.yaml:4:7: dnssec/trust-anchors/1: found ". A 192.0.2.1"; allowed: a DS or DNSKEY record as in a zone file; write a whole ' +
        'record in one line: name, type, data',
    ],
    [
      'dnssec: {negative-trust-anchors: ["a b"]}',
      'a.yaml:1:35: dnssec/negative-trust-anchors/0: found "a b"; allowed: a domain name; write a name, as in broken.example.org',
    ],
    [
      'dnssec: {trust-anchors-files: [{}]}',
      'a.yaml:1:32: dnssec/trust-anchors-files/0/file: found nothing; allowed: a path; add file',
    ],
    [
      'dnssec: {trust-anchors-files: [{file: 5}]}',
      'a.yaml:1:39: dnssec/trust-anchors-files/0/file: found 5; allowed: a path; write a path, in quotes if it looks like a number',
    ],
    [
      'dnssec: {trust-anchors-files: [{file: /missing.keys, read-only: true}]}',
      'a.yaml:1:39: dnssec/trust-anchors-files/0/file: found "/missing.keys"; allowed: a file that can be read; make sure that ' +
        '/missing.keys is there and may be read',
    ],
  ],
  'a section': [
    [
      'logging: debug',
      'a.yaml:1:10: logging: found "debug"; allowed: a map of level, groups, target; write each setting as "key: value", as in ' +
        '"level: …", on a line of its own below it',
    ],
    [
      'network:\n  listen: {interface: ::1}',
      'a.yaml:2:11: network/listen: found a map; allowed: a list; begin each item with "- "',
    ],
    [
      'network:\n  listen:\n    - ::1@53',
      'a.yaml:3:7: network/listen/0: found "::1@53"; allowed: a map of interface, port, kind; write each setting as "key: value", ' +
        'as in "interface: …", on a line of its own below it',
    ],
  ],
  'settings that do not go together': [
    [
      'cache:\n  ttl-min: 1h\n  ttl-max: 30m',
      'a.yaml:2:12: cache/ttl-min: found "1h"; allowed: ttl-min no longer than ttl-max; lower ttl-min or raise ttl-max',
    ],
    [
      'cache:\n  ttl-max: 1s',
      'a.yaml:2:12: cache/ttl-max: found "1s"; allowed: ttl-min no longer than ttl-max; lower ttl-min or raise ttl-max',
    ],
    [
      'network:\n  do-ipv6: false\n  do-ipv4: false',
      'a.yaml:2:12: network/do-ipv6: found false; allowed: false only while do-ipv4 is true; set one of the two to true, or no ' +
        'server can be asked',
    ],
    [
      'network:\n  listen:\n    - interface: ::1@53\n      port: 5300',
      'a.yaml:4:13: network/listen/0/port: found 5300; allowed: no port beside ::1@53, which has its own; take it out, or the one ' +
        'after the @',
    ],
    [
      'network:\n  listen:\n    - interface: ::1\n    - interface: [192.0.2.1, "0:0::1@53"]',
      'a.yaml:4:30: network/listen/1/interface/1: found "0:0::1@53"; allowed: each address and port once; take one ::1@53 out',
    ],
  ],
  'a setting written twice': [
    [
      'cache:\n  ttl-min: 1s\n  ttl-max: 1d\n  ttl-min: 2s',
      'a.yaml:4:3: cache/ttl-min: found the setting a second time, after line 2; allowed: each setting once; take one of the two out',
    ],
    [
      'network:\n  listen:\n    - interface: ::1\n    - interface: ::2\n      port: 1\n      port: 2',
      'a.yaml:6:7: network/listen/1/port: found the setting a second time, after line 5; allowed: each setting once; take one of ' +
        'the two out',
    ],
  ],
  'damaged YAML': [
    ['cache:\n\tttl-min: 1s', 'a.yaml:2:1: found a tab as indentation; allowed: YAML 1.2 or JSON; indent with spaces'],
    [
      'workers: 1\n---\nworkers: 2',
      'a.yaml:2:1: found a second document; allowed: YAML 1.2 or JSON; take the line "---" out, or put what follows into a file ' +
        'of its own',
    ],
    [
      'cache: ttl-min: 1s',
      'a.yaml:1:8: found a second ": " in one line; allowed: YAML 1.2 or JSON; begin the inner setting on a line of its own, or ' +
        'put the value in quotes',
    ],
    [
      'nsid: "a',
      'a.yaml:1:9: found text that is not YAML (Missing closing "quote); allowed: YAML 1.2 or JSON; correct the line; values with ' +
        'special characters go in quotes',
    ],
    [
      'nsid: *a',
      'a.yaml:1:7: found an alias (*name) without its anchor (&name); allowed: an alias for an anchor above it, at most 100 values ' +
        'in all; put values that contain a * in quotes',
    ],
    [
      'nsid: !secret a',
      'a.yaml:1:7: found text that is not YAML (Unresolved tag: !secret); allowed: YAML 1.2 or JSON; correct the line; values with ' +
        'special characters go in quotes',
    ],
    [
      '- workers: 1',
      'a.yaml:1:1: found a list of 1; allowed: a map of settings; write each setting as "key: value", on a line of its own',
    ],
    [
      '\nworkers',
      'a.yaml:2:1: found "workers"; allowed: a map of settings; write each setting as "key: value", on a line of its own',
    ],
  ],
}

for (const [title, examples] of Object.entries(cases)) {
  describe(`a mistake in a configuration file: ${title}`, () => {
    for (const [yaml, ...lines] of examples)
      it(yaml.slice(0, 70).replaceAll('\n', ' ⏎ '), () => expect(mistakesOf(yaml)).to.deep.equal(lines))
  })
}

describe('mistakes in configuration files', () => {
  it('are all told at once, in the order of the lines', () => {
    const lines = mistakesOf(
      'workers: 0\nlua: {}\ncache:\n  ttl-min: 5\n  size: 1G\n  ttl-min: 6s\noptions:\n  minimize: 1\nnsid: true\n',
    )
    expect(lines.map((line) => line.split(': found')[0])).to.deep.equal([
      'a.yaml:1:10: workers',
      'a.yaml:2:1: lua',
      'a.yaml:5:3: cache/size',
      'a.yaml:6:3: cache/ttl-min',
      'a.yaml:8:13: options/minimize',
      'a.yaml:9:7: nsid',
    ])
  })

  it('are told of every file, each with the file it stands in', () => {
    const lines = mistakesOf('workers: 0\ncache: {ttl-min: 1}', 'workers: 2\ncache: {ttl-max: 2}', 'a: [\n')
    expect(lines.map((line) => line.split(': found')[0])).to.deep.equal([
      'a.yaml:2:18: cache/ttl-min',
      'b.yaml:2:18: cache/ttl-max',
      'c.yaml:2:1',
    ])
  })

  it('end a bomb of aliases before it goes off', () => {
    const levels = ['a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]']
    for (let level = 1; level < 9; level++) {
      const above = `*${String.fromCharCode(96 + level)}`
      const name = String.fromCharCode(97 + level)
      levels.push(`${name}: &${name} [${Array(9).fill(above).join(', ')}]`)
    }
    expect(mistakesOf(levels.join('\n'))[0]).to.match(/^a\.yaml:\d+:\d+: found aliases that multiply; allowed: /)
  })

  it('stay on one line each, whatever the file holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), fc.jsonValue(), (key, value) => {
        for (const line of mistakesOf(
          JSON.stringify({ [key]: value, nsid: { [key]: value }, cache: { 'ttl-min': value } }),
        ))
          expect(line).to.not.match(/[\p{Cc}\u2028\u2029]/u)
      }),
    )
  })

  it('are never an error of ours, whatever the file holds', () => {
    const piece = fc.constantFrom(
      'cache',
      'listen',
      'network',
      ':',
      ' ',
      '\n',
      '- ',
      '{',
      '}',
      '[',
      ']',
      '&a',
      '*a',
      '"',
      '!t',
      '<<',
      '1',
    )
    fc.assert(
      fc.property(fc.string({ unit: piece, maxLength: 30 }), (yaml) => void mistakesOf(yaml)),
      { numRuns: 1000 },
    )
  })
})
