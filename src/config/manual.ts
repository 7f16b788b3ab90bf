/** docs/configuration.md, made from the schema. */

import type * as z from 'zod'
import { KNOT_ONLY } from './knot.ts'
import { configSchema } from './schema.ts'
import { type Declared, declarations } from './tree.ts'

const INTRODUCTION = `# Configuration

<!-- Made from src/config by \`npm run docs:config\`. Change the descriptions there. -->

Bowline runs without any configuration. What is to be different goes into a YAML file (JSON is YAML, too):

\`\`\`yaml
workers: 4
network:
  listen:
    - interface: [192.0.2.53, 2001:db8::53]
cache:
  storage: /var/cache/bowline
  size-max: 4G
\`\`\`

    bowline config validate -c FILE     shows every mistake with its line, its remedy and what may stand there
    bowline run -c FILE                 starts the service; with a mistake in the file, nothing is started
    bowline config schema               the same settings as JSON Schema, for editors

With several files, \`-c FILE -c FILE\`, the later override the earlier: sections are joined setting by setting;
everything else, lists too, is replaced as a whole.

- **Times** are a whole number and a unit without a space: \`us\`, \`ms\`, \`s\`, \`m\`, \`h\`, \`d\`.
- **Sizes** likewise: \`B\`, \`K\` (1024 B), \`M\` (1024 K), \`G\` (1024 M).
- **Flags** are \`true\` and \`false\`. YAML 1.2 has no \`yes\` and \`no\`.
- **Paths** that are relative start in \`rundir\`; \`rundir\` itself starts in the folder the service is started from.
- A name that is not on this page is a mistake, as is the same name twice in a section.
`

const KNOT_CHAPTER = `## Coming from Knot Resolver

The names and units are those of Knot Resolver 6, so that its files can be brought along: \`bowline config migrate FILE\` changes what
differs and tells what is left out ([running.md](running.md#coming-from-another-resolver)). Different are:

- \`network/listen\` begins with \`127.0.0.1@5300\` and \`::1@5300\`, which need no privilege, instead of port 53.
- \`workers\` is \`auto\` instead of 1.
- \`network/out-interface-v4\` and \`-v6\` take a list, too.
- \`forward[]/servers[]/pin-sha256\` is compared with the key of the server itself, not with those of its CAs.
- \`options/request-budget\` is Bowline's own.
- \`lua\` is a mistake: there is no Lua. What a script changed in how queries are resolved is a setting on this page, or it is
  not to be had yet.
`

/** The page, in Markdown. */
export function configurationManual(): string {
  const all = [...declarations(configSchema)].filter((declared) => declared.path !== '')
  const contents = all.filter((declared) => !declared.path.includes('/'))
  return [
    INTRODUCTION,
    '## Settings\n',
    ...contents.map((declared) => `- [\`${declared.path}\`](#${anchor(declared.path)})`),
    '',
    ...all.map(chapter),
    KNOT_CHAPTER,
    'Settings of Knot Resolver 6 that this version does not have:\n',
    ...KNOT_ONLY.map((path) => `- \`${path}\``),
    '',
  ].join('\n')
}

/** A chapter for each setting of `schema`. */
export function settingsManual(schema: z.core.$ZodType): string {
  return [...declarations(schema)]
    .filter(({ path }) => path !== '')
    .map(chapter)
    .join('\n')
}

function chapter({ path, kind, info, fallback }: Declared): string {
  const heading = `${'#'.repeat(path.includes('/') ? 4 : 3)} \`${path}\`\n\n${info.about}\n`
  if (kind === 'section' && typeof fallback !== 'string') return heading
  const otherwise = info.otherwise ?? inline(fallback)
  const example = info.example === undefined ? '' : `\n- Example: ${inline(info.example)}`
  return `${heading}\n- Allowed: ${info.allowed}\n- Default: ${otherwise}${example}\n`
}

/** A value as it would be written in one line of YAML. */
function inline(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

/** What a heading is called in a link, as code hosts make it. */
function anchor(heading: string): string {
  return heading.toLowerCase().replace(/[^a-z0-9-]/g, '')
}
