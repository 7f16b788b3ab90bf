/** The control API as an OpenAPI 3.1 document, made from the table of routes. */

import * as z from 'zod'
import { packageVersion } from '../version.ts'
import { ROLES } from './access.ts'
import { ROUTES, type Route } from './routes.ts'

const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  mistakes: z.array(z.unknown()).optional(),
})

export function openApiDocument(): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of ROUTES) {
    const path = openApiPath(route)
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) }
  }
  paths['/v1/openapi.json'] = {
    get: { summary: 'This document.', responses: { 200: content('The document.', z.json()) } },
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Control API of Bowline',
      version: packageVersion(),
      description: `Roles, each of which may do what those before it may: ${ROLES.join(', ')}.`,
    },
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' }, certificate: { type: 'mutualTLS' } } },
    paths,
  }
}

/** OpenAPI has no parameter that goes over slashes; `pointer` is to be taken as one. */
function openApiPath({ path }: Route): string {
  return path.replace('/*', '/{pointer}')
}

function operation(route: Route): Record<string, unknown> {
  const parameters = Object.entries(route.query ?? {}).map(([name, description]) => ({
    name,
    in: 'query',
    description,
    schema: { type: 'string' },
  }))
  const pointer = {
    name: 'pointer',
    in: 'path',
    required: true,
    description: 'JSON pointer',
    schema: { type: 'string' },
  }
  const ifMatch = { name: 'If-Match', in: 'header', description: 'the ETag that was read', schema: { type: 'string' } }
  const edits = route.path.endsWith('/*') && route.method !== 'GET'
  return {
    summary: route.summary,
    'x-role': route.role,
    security: [{}, { token: [] }, { certificate: [] }],
    parameters: [...(route.path.endsWith('/*') ? [pointer] : []), ...parameters, ...(edits ? [ifMatch] : [])],
    ...(route.body && {
      requestBody: {
        content: Object.fromEntries(
          (route.contentTypes ?? ['application/json']).map((type) => [type, { schema: schemaOf(route.body!) }]),
        ),
      },
    }),
    responses: {
      [route.path === '/v1/stop' ? 202 : 200]: content('Done.', route.response),
      default: {
        description: 'What is wrong (RFC 9457).',
        content: { 'application/problem+json': { schema: schemaOf(problem) } },
      },
    },
  }
}

function content(description: string, schema: z.ZodType) {
  return { description, content: { 'application/json': { schema: schemaOf(schema) } } }
}

function schemaOf(schema: z.ZodType): unknown {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input' }) as Record<string, unknown>
  return rest
}
