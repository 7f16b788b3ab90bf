/** What migrating makes of a text, and of the samples beside this file. */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { combineSources } from '../../../src/config/load.ts'
import type { Finding, Outcome } from '../../../src/config/migrate/finding.ts'
import { type Kind, type Migration, migrateText } from '../../../src/config/migrate/migrate.ts'
import { type Config, configSchema } from '../../../src/config/schema.ts'
import { parseSource } from '../../../src/config/source.ts'
import { settingsFromConfig } from '../../../src/settings-from-config.ts'
import { machine } from '../machine.ts'

const NO_FILES = {
  read(file: string): string {
    throw new Error(`no ${file} in this test`)
  },
  match: () => [],
}

export const SAMPLES: Record<string, Kind> = {
  'office.conf': 'unbound',
  'provider.yaml': 'knot-resolver',
  'home.lua': 'kresd',
}

export function samplePath(name: string): string {
  return fileURLToPath(new URL(`samples/${name}`, import.meta.url))
}

export function migratedSample(name: string): Migration {
  return migrateText(readFileSync(samplePath(name), 'utf8'), name)
}

/** Of a text that includes no files. */
export function migrated(text: string, kind?: Kind): Migration {
  return migrateText(text, 'old', kind, NO_FILES)
}

/** What Bowline's own loader makes of the file that was made. Throws what an operator would be told. */
export function loaded({ yaml }: Migration): Config {
  const config = combineSources([parseSource(yaml, 'new.yaml')], machine)
  settingsFromConfig(config)
  return config
}

/** Whether the schema takes what was made, whatever files are on this machine. */
export function isAccepted({ config }: Migration): boolean {
  return configSchema.safeParse(config).success
}

/** `LINE setting` of all findings with this outcome. */
export function told({ report }: Migration, outcome: Outcome): string[] {
  return report
    .filter((finding) => finding.outcome === outcome)
    .map(({ place, setting }) => `${place?.line ?? '-'} ${setting}`)
}

export function findingOf({ report }: Migration, setting: string): Finding | undefined {
  return report.find((finding) => finding.setting === setting)
}
