/** The configuration, or the settings of a module, as JSON Schema (draft 2020-12), for editors and other programs. */

import * as z from 'zod'
import { configSchema } from './schema.ts'
import { settingInfo } from './settings.ts'

export function configJsonSchema(): Record<string, unknown> {
  return settingsJsonSchema(configSchema, 'Configuration of Bowline')
}

export function settingsJsonSchema(settings: z.core.$ZodType, title: string): Record<string, unknown> {
  const schema = z.toJSONSchema(settings, {
    io: 'input', // what people write, not what it becomes
    override({ zodSchema, jsonSchema }) {
      const info = settingInfo.get(zodSchema)
      if (info === undefined) return
      const otherwise = info.otherwise === undefined ? '' : ` Default: ${info.otherwise}.`
      const allowed = jsonSchema.type === 'object' ? '' : ` Allowed: ${info.allowed}.`
      if (info.switchable) jsonSchema.type = ['boolean', 'object'] as never
      jsonSchema.description = `${info.about}${allowed}${otherwise}`
    },
  })
  return { ...schema, title }
}
