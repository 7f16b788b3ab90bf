/** Bowline at work, without the Internet: `npm run demo` starts the lab and a Bowline in it, asks some questions worth
 *  watching, and stays up for questions of your own. With `--once` it ends after its questions. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEde } from '../../src/wire/edns.ts'
import { parseReply, type Reply } from '../../src/wire/message.ts'
import { nameFromText } from '../../src/wire/name.ts'
import { recordToText } from '../../src/wire/text.ts'
import { Class, EdnsOption, edeText, Flag, rcodeText, Type, typeFromText } from '../../src/wire/types.ts'
import { ask } from './ask.ts'
import { type Lab, startLab } from './lab.ts'
import { type Resolver, startBowline, startBowlineLibrary } from './resolvers.ts'

const DEMO_PORT = 5300
const QUESTION_MS = 15_000
const MAX_RECORDS_SHOWN = 5
const MAX_WIDTH = 110

const once = process.argv.includes('--once')
const folder = await mkdtemp(join(tmpdir(), 'bowline-demo-'))
const lab = await startLab()
let bowline: Resolver | undefined
let configFile: string | undefined // of the daemon
let ending: Promise<void> | undefined
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => end())
try {
  describeLab(lab)
  bowline = await startSomeBowline(lab)
  await show(lab, bowline)
  if (once) await end()
  else inviteQuestions(bowline)
} catch (failure) {
  console.error(`The demonstration failed: ${(failure as Error).message}`)
  process.exitCode = 1
  await end()
}

function end(): Promise<void> {
  ending ??= (async () => {
    await bowline?.stop()
    await lab.stop()
    await rm(folder, { recursive: true, force: true })
    process.exit() // with whatever exit code is set; a question may still be waiting for its answer
  })()
  return ending
}

function describeLab({ world, engines, port, roots }: Lab): void {
  const hosts = new Map<string, number>()
  for (const engine of engines.values()) hosts.set(engine, (hosts.get(engine) ?? 0) + 1)
  const players = [...hosts].map(([engine, count]) => `${engine} (${count} ${count === 1 ? 'host' : 'hosts'})`)
  console.log(
    `An internet on this machine: ${world.zones.size} zones, root servers at ${roots.join(', ')}, port ${port}.`,
  )
  console.log(`Authoritative servers: ${players.join(', ')}, and ${world.troubles.length} that misbehave.`)
}

/** The daemon if it can be; else the library in this process, saying why. */
async function startSomeBowline(lab: Lab): Promise<Resolver> {
  try {
    const daemon = await startBowline(lab, folder, DEMO_PORT)
    configFile = daemon.configFile
    console.log(`Bowline runs at ${daemon.address} port ${daemon.port}, configured by ${daemon.configFile}\n`)
    return daemon
  } catch (failure) {
    const library = await startBowlineLibrary(lab, DEMO_PORT)
    console.log(`The daemon is not to be had: ${(failure as Error).message}`)
    console.log(`So Bowline runs as a library, in this process, at ${library.address} port ${library.port}.\n`)
    return library
  }
}

async function show(lab: Lab, bowline: Resolver): Promise<void> {
  const tell = (about: string, question: string) => showQuestion(bowline, about, question)
  await tell(
    'Nothing is known yet: the root, com and the zone itself are asked, one after the other.',
    'www.chains.com A',
  )
  await tell('The same again: from the cache.', 'www.chains.com A')
  await tell('An alias, leading through three zones below three TLDs.', 'across.chains.com A')
  await tell(
    'A name that does not exist. The SOA says how long that may be remembered (RFC 2308).',
    'nothing.chains.com A',
  )
  await tell('Eight zone cuts, one below the other.', 'www.level7.level6.level5.level4.level3.level2.level1.deep.com A')
  await tell(
    'Name servers with names in a zone whose name servers have names in the first: no way in.',
    'www.cyclic-one.com A',
  )
  await tell('Too large for UDP: the answer is cut, and asked for again over TCP.', 'text4500.large.com TXT')
  await tell("Trouble: one of the zone's two servers never answers.", 'www.half-mute.trouble.com A')
  await tell(
    'Trouble: a server that tells lies about www.victim.com beside its answer …',
    'www.poison-answer.trouble.com A',
  )
  await tell('… which are not believed: 198.18.66.250 is the truth.', 'www.victim.com A')
  lab.forgetQueries()
  await tell(
    'Trouble: a referral to forty servers in victim.com, none of which exists (NXNSAttack) …',
    'www.sub.nxns.trouble.com A',
  )
  const reached = lab.queryLog().filter((query) => query.host === 'victim').length
  console.log(`  … and ${reached} queries reached the victim.\n`)
  await tell('And who answers?', 'version.bind TXT CH')
}

async function showQuestion({ address, port }: Resolver, about: string, question: string): Promise<void> {
  const [qname, qtype, qclass] = question.split(' ')
  const options = { port, recursion: true, timeoutMs: QUESTION_MS, qclass: qclass === 'CH' ? Class.CH : Class.IN }
  console.log(about)
  console.log(`  ? ${question}`)
  const asked = performance.now()
  let packet = await ask(address, nameFromText(qname), typeFromText(qtype)!, options)
  if (packet !== undefined && (packet[2] & (Flag.TC >> 8)) !== 0) {
    console.log(`    over UDP: cut at ${packet.length} octets`)
    packet = await ask(address, nameFromText(qname), typeFromText(qtype)!, { ...options, protocol: 'tcp' })
  }
  const elapsedMs = performance.now() - asked
  if (packet === undefined) console.log('    no answer')
  else for (const line of describeReply(parseReply(packet))) console.log(`    ${line}`)
  console.log(`    ${elapsedMs.toFixed(1)} ms, ${packet?.length ?? 0} octets\n`)
}

function describeReply({ rcode, answer, authority, edns }: Reply): string[] {
  const sets = answer.length > 0 ? answer : authority.filter((found) => found.type === Type.SOA)
  const records = sets.flatMap((found) =>
    found.rdatas.map((rdata) =>
      recordToText(found.owner, found.ttl, found.class, found.type, rdata).replaceAll('\t', ' '),
    ),
  )
  const lines = [rcodeText(rcode), ...records.slice(0, MAX_RECORDS_SHOWN).map(shorten)]
  if (records.length > MAX_RECORDS_SHOWN) lines.push(`… and ${records.length - MAX_RECORDS_SHOWN} more records`)
  for (const option of edns?.options ?? []) {
    if (option.code !== EdnsOption.EDE) continue
    const { code, text } = parseEde(option)
    lines.push(`because: ${edeText(code)}${text === '' ? '' : ` (${text})`}`)
  }
  return lines
}

function shorten(text: string): string {
  return text.length <= MAX_WIDTH ? text : `${text.slice(0, MAX_WIDTH - 1)}…`
}

function inviteQuestions({ address, port }: Resolver): void {
  const questions = ['anchor-bend.com MX', 'x.c.wild.net', 'https.types.org HTTPS', 'www.mute.trouble.com']
  console.log(`Now you, with any DNS client: the server is ${address}, port ${port}. For example:`)
  for (const question of questions) console.log(`  dig @${address} -p ${port} ${question}`)
  if (configFile !== undefined) {
    console.log('Or see each step of a resolution from the root:')
    console.log(`  node supervisor/bowline.ts query --trace -c ${configFile} across.chains.com`)
  }
  console.log('What there is to ask: test/lab/cases.ts and test/lab/troubles.ts. Ctrl-C ends it all.')
}
