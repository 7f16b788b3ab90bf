/** Main file of a worker process: the resolver core over the shared cache, behind this worker's listeners. */

import { join } from 'node:path'
import { trustAnchorsFrom } from '../src/anchor-files.ts'
import { Cache } from '../src/cache/cache.ts'
import { LmdbStore } from '../src/cache/lmdb-store.ts'
import { BowlineError } from '../src/config/error.ts'
import { systemClock, TurnClock } from '../src/io/clock.ts'
import { groupLog, type Log } from '../src/io/log.ts'
import { systemRandom } from '../src/io/random.ts'
import { SystemTransport } from '../src/io/transport.ts'
import { Counters } from '../src/metrics/counters.ts'
import { RuleHits } from '../src/metrics/rule-hits.ts'
import { BogusLog } from '../src/modules/bogus-log/index.ts'
import { Secrets } from '../src/modules/cookies/secrets.ts'
import { isGoodCookie } from '../src/modules/cookies/server-cookie.ts'
import { startModules } from '../src/modules/index.ts'
import { Partitions } from '../src/partitions.ts'
import { anchorsInForce, Core } from '../src/resolve.ts'
import { cacheOptionsFromConfig, settingsFromConfig, transportOptionsFromConfig } from '../src/settings-from-config.ts'
import { keepHashesSecret } from '../src/wire/name-table.ts'
import { listeningAddresses, listenPoints } from './addresses.ts'
import { AnswerIndex } from './answer-index.ts'
import { answersAtOnce } from './answers-at-once.ts'
import { cookieSecret } from './cookie-secret.ts'
import { frequentQuestions } from './frequent-questions.ts'
import { CACHE_FILE } from './keeper.ts'
import { KeeperLink } from './keeper-link.ts'
import { knownServers } from './known-servers.ts'
import { loadModules } from './load-modules.ts'
import { coreLog, moduleLog, stepLog } from './log-groups.ts'
import { MeasuredTransport } from './measured-transport.ts'
import type { StartWorker } from './messages.ts'
import { rehearse } from './rehearsal.ts'
import { moduleCounts, reportCounters, reportGauges, ruleCounts } from './report.ts'
import { runWorker } from './run-worker.ts'
import type { Resolver } from './serve.ts'
import { traceQuestion } from './trace.ts'
import { ViewQueries } from './view-queries.ts'
import { waitingFacts } from './waiting.ts'

/** How long a new worker waits for its keeper. Without it, it answers as well, but from an empty cache. */
const KEEPER_WAIT_MS = 2000
/** Memory of the index of ready answers: some 300,000 of them. */
const INDEX_OCTETS = 32 * 1024 * 1024

/** Names in the table that goes to the supervisor. */
const FREQUENT = 100

keepHashesSecret(systemRandom)
runWorker(makeResolver, rehearse)

async function makeResolver({ config, index: place, socketPath }: StartWorker, log: Log): Promise<Resolver> {
  const settings = settingsFromConfig(config)
  if (settings.sections.cookies?.master === '')
    settings.sections.cookies.master = cookieSecret(config.cache.storage, systemRandom)
  const { cookies } = settings.sections
  const secrets = cookies === undefined ? undefined : new Secrets(cookies.master)
  const points = listenPoints(config.network.listen)
  const link = new KeeperLink({
    socketPath,
    clock: systemClock,
    log: groupLog(log, 'cache'),
    onCleared: () => forget(),
  })
  const clock = new TurnClock(systemClock)
  const store = new LmdbStore({
    path: join(config.cache.storage, CACHE_FILE),
    clock,
    outlet: link,
    sizeMax: config.cache['size-max'],
  })
  link.start(store)
  if (!(await link.connected(KEEPER_WAIT_MS)))
    log.warning({ event: 'no-keeper' }, 'the keeper cannot be reached; answering without the shared cache meanwhile')

  const transport = new SystemTransport({
    clock: systemClock,
    random: systemRandom,
    ...transportOptionsFromConfig(config),
    onUntrusted: (server, why) =>
      groupLog(log, 'tls').warning({ event: 'untrusted-server', server: `${server}` }, `it is sent nothing: ${why}`),
  })
  const index = new AnswerIndex({
    octets: INDEX_OCTETS,
    udpSize: settings.ednsBufferSize.downstream,
    rotate: settings.reorderRrset,
    seed: systemRandom.u16() * 0x10000 + systemRandom.u16(),
  })
  const anchors = anchorsInForce(settings)
  const toLog = coreLog(log)
  const bogusLog = new BogusLog({ clock: systemClock, log: settings.logBogus ? toLog : undefined })
  const tools = { clock: systemClock, random: systemRandom, log: moduleLog(log) }
  const ruleHits = new RuleHits()
  const outside = await loadModules(config)
  const modules = startModules(settings, tools, {
    bogusLog,
    anchors: () => anchors.current,
    outside,
    worker: place,
    rundir: config.rundir,
    ruleHits,
  })
  const measured = new MeasuredTransport(transport, clock, new Counters().values)
  const common = {
    transport: measured,
    clock,
    random: systemRandom,
    modules: modules.layers,
    listening: listeningAddresses(points),
    nsTimeoutMs: config.cache['ns-timeout'],
    log: toLog,
    trace: stepLog(log),
    ruleHits,
  }
  const caches: Cache[] = []
  const core = new Partitions(
    settings,
    (partition, own) => {
      const cache = new Cache(store, clock, { ...cacheOptionsFromConfig(config), partition })
      caches.push(cache)
      return new Core({
        ...common,
        ...own,
        cache,
        anchors: partition === 0 ? anchors : anchorsInForce(own.settings),
      })
    },
    (packet, response, secure, policy) => index.insert(packet, response, secure, policy),
  )
  const { policies } = core
  const viewQueries = policies && new ViewQueries(policies.table.views.length)
  const parts = { core, store, transport, measured, index, link, ruleHits }
  const forget = () => {
    index.clear()
    core.forgetKeys()
  }
  return {
    tick: (wallMs) => index.tick(wallMs),
    answerAtOnce: answersAtOnce(index, policies, viewQueries),
    get inFlight() {
      return core.inFlight
    },
    handle: (packet, client, respond) => core.handle(packet, client, respond),
    drain: (timeoutMs, done) => core.drain(timeoutMs, done),
    readAnchors() {
      try {
        core.replaceAnchors(trustAnchorsFrom(config))
        index.clear()
      } catch (error) {
        if (!(error instanceof BowlineError)) throw error
        log.err({ event: 'trust-anchors-kept', code: error.code }, `trust anchors stay as they were: ${error.message}`)
      }
    },
    isGoodCookie: (option, address, nowSeconds) =>
      secrets !== undefined && isGoodCookie(option, address, (seconds) => secrets.at(seconds), nowSeconds),
    frequentBogus: () => bogusLog.frequent(FREQUENT),
    trace: (order) => traceQuestion(core.cores[0], systemClock, order),
    waitingQuestions: (limit) => waitingFacts(core.cores, systemClock, limit),
    knownServers: (order) => knownServers(core.cores[0], caches[0], systemClock.wallMs(), order),
    frequentQuestions: (limit) => frequentQuestions(index, limit),
    modules: modules.running,
    udpBy: transport.udpBy,
    report: (counters) => reportCounters(parts, counters),
    measure: (gauges) => reportGauges(parts, gauges),
    moduleCounts: () => [...moduleCounts(modules.running), ...ruleCounts(ruleHits), ...(viewQueries?.counts() ?? [])],
    async close() {
      core.close()
      modules.stop()
      transport.close()
      await store.close()
      link.close()
    },
  }
}
