/** Runs the command `bowline` as a process of its own, the way a person does. */

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const BOWLINE = fileURLToPath(new URL('../../supervisor/bowline.ts', import.meta.url))

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

export function bowline(...parameters: string[]): Promise<Ended> {
  return runToEnd(process.execPath, [BOWLINE, ...parameters])
}

export function runToEnd(command: string, parameters: string[], env = process.env): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, parameters, { stdio: ['ignore', 'pipe', 'pipe'], env })
    const said = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => {
        said[name] += text
      })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, ...said }))
  })
}
