/** What a new module begins with: one that works, is tested, and is to be changed into what is wanted. */

export interface TemplateFile {
  name: string
  text: string
}

/** The files of the folder of a module called `name`. */
export function moduleTemplate(name: string): TemplateFile[] {
  return [
    { name: 'index.ts', text: source(name) },
    { name: `${name}.test.ts`, text: test(name) },
    { name: 'scenario.yaml', text: scenario(name) },
    { name: 'config.yaml', text: config(name) },
    { name: 'README.md', text: manual(name) },
  ]
}

const source = (name: string) => `/** Answers TXT questions for ${name}.example with a greeting. */

import { defineModule, equalNames, line, nameFromText, Rcode, rdataFromText, rrset, Type } from 'bowline'

const NAME = nameFromText('${name}.example.')

export default defineModule({
  name: '${name}',
  about: 'Greets those who ask.',
  config: {
    greeting: line({ about: 'What is said.', max: 200, otherwise: '\`hello\`', example: 'good morning' }),
  },
  metrics: { greeted: 'Questions answered with a greeting' },
  start: () => ({ times: 0 }),
  begin(request, { config, state, count }) {
    if (request.qtype !== Type.TXT || !equalNames(request.qname, NAME)) return 'pass'
    count('greeted')
    state.times++
    const text = rdataFromText(Type.TXT, JSON.stringify(config.greeting ?? 'hello'))
    return request.answerWith(Rcode.NOERROR, [rrset(request.qname, Type.TXT, 60, [text])])
  },
  verbs: {
    said: { about: 'Tells how often.', run: (_words, { state }) => ({ times: state.times }) },
  },
})
`

const test = (name: string) => `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Resolver, type Transport } from 'bowline'
import module from './index.ts'

/** A world in which nobody answers. */
const silence: Transport = {
  exchange(_server, _protocol, _query, _timeoutMs, sink) {
    setImmediate(() => sink.failed('unreachable'))
    return { cancel() {} }
  },
}

function resolverWith(settings: object): Resolver {
  return new Resolver({ transport: silence, modules: [{ module, config: module.settings.parse(settings) }] })
}

test('greets', async () => {
  const resolver = resolverWith({ greeting: 'good morning' })
  const { records } = await resolver.query('${name}.example', 'TXT')
  assert.deepEqual(records.map(({ data }) => data), ['"good morning"'])
  await resolver.close()
})

test('leaves other names alone', async () => {
  const resolver = resolverWith({})
  const { rcode } = await resolver.query('other.example', 'TXT')
  assert.equal(rcode, 'SERVFAIL') // nobody answers
  await resolver.close()
})

test('takes no greeting of several lines', () => {
  assert.equal(module.settings.safeParse({ greeting: 'a\\nb' }).success, false)
})
`

const scenario = (
  name: string,
) => `# What clients get, in a world with these records and no others. Played by: bowline module test
config:
  greeting: good morning
world: |
  www.${name}.org. 300 A 192.0.2.1
story:
  - ask: ${name}.example TXT
    status: NOERROR
    answer: ['${name}.example. TXT "good morning"']
    servers: 0 # none has been asked
  - ask: www.${name}.org A
    answer: ['www.${name}.org. A 192.0.2.1']
    servers: 1
  - elapse: 10m # the record has outlived its TTL
  - ask: www.${name}.org A
    servers: 1
  - ask: nowhere.${name}.org A
    status: NXDOMAIN
    answer: []
`

const config = (name: string) => `# To be put into the configuration of the service; the path is that of this folder.
modules:
  - from: ./${name}
    config:
      greeting: good morning
`

const manual = (name: string) => `# ${name}

Answers TXT questions for \`${name}.example\` with a greeting.

| Setting | What it does |
| --- | --- |
| \`greeting\` | what is said; \`hello\` unless given |

Metric: \`bowline_module_greeted_total{module="${name}"}\`.

    bowline module test .            runs the tests and plays the scenarios
    bowline run -c config.yaml       with the path in it corrected
    bowline module run ${name} said  asks the modules of all workers how often they have greeted
`
