#!/usr/bin/env node
/* The command `bowline`. Whatever Node runs this file, from 16 on, Bowline itself runs on Node 24 or newer: this one if it
 * is, else the one that npm installed beside Bowline. What runs is what `npm run build` compiled to dist/, as `npm ci` does,
 * too: stripping types at each start costs each process half a second and 30 MB. In a checkout where a source is newer
 * than that, the TypeScript sources run as they stand. Plain JavaScript, because an old Node is to read it. */

import { spawn } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const NODE_NEEDED = 24
/** As `env` and shells have it: the command was found but cannot be run. */
const CANNOT_RUN = 126

const here = dirname(fileURLToPath(import.meta.url))
const entry = findEntry()

if (Number.parseInt(process.versions.node, 10) >= NODE_NEEDED) {
  await import(pathToFileURL(entry).href)
} else {
  const node = findNode()
  if (node === undefined) {
    const remedy = 'run npm install again, and let the install script of its package "node" run'
    process.stderr.write(
      `bowline: needs Node ${NODE_NEEDED} or newer, and finds only ${process.version} and none beside it; ${remedy}\n`,
    )
    process.exitCode = CANNOT_RUN
  } else {
    run(node)
  }
}

/** Type stripping does not work inside node_modules, so an installed package runs what was compiled, come what may. */
function findEntry() {
  const source = join(here, 'bowline.ts')
  const compiled = join(here, '..', 'dist', 'supervisor', 'bowline.js')
  const installed = here.split(sep).includes('node_modules')
  if (installed || !existsSync(source)) return compiled
  if (!existsSync(compiled)) return source
  const compiledMs = statSync(compiled).mtimeMs
  const isOutdated = ['src', 'workers', 'supervisor'].some((folder) => isNewer(join(here, '..', folder), compiledMs))
  return isOutdated ? source : compiled
}

/** Whether a folder, or anything in it, was changed after `thanMs`. A folder is when a file comes or goes. */
function isNewer(folder, thanMs) {
  if (statSync(folder).mtimeMs > thanMs) return true
  return readdirSync(folder, { withFileTypes: true }).some((entry) => {
    const path = join(folder, entry.name)
    return entry.isDirectory() ? isNewer(path, thanMs) : statSync(path).mtimeMs > thanMs
  })
}

/** The Node of the npm package `node`; undefined when it is not there, or too old. */
function findNode() {
  const require = createRequire(import.meta.url)
  try {
    const { version } = require('node/package.json')
    return Number.parseInt(version, 10) >= NODE_NEEDED ? require.resolve('node/bin/node') : undefined
  } catch {
    return undefined
  }
}

/** Runs Bowline on `node` as if it were this process: same arguments, files, signals and end. */
function run(node) {
  const child = spawn(node, [entry, ...process.argv.slice(2)], { stdio: 'inherit' })
  const forward = (signal) => child.kill(signal)
  // A terminal sends these to every process in its foreground, so the child has them already.
  const fromTerminal = ['SIGINT', 'SIGQUIT', 'SIGHUP']
  for (const signal of fromTerminal) process.on(signal, process.stdin.isTTY ? () => {} : forward)
  for (const signal of ['SIGTERM', 'SIGUSR1', 'SIGUSR2']) process.on(signal, forward)
  child.on('error', (error) => {
    process.stderr.write(`bowline: cannot run ${node}: ${error.message}\n`)
    process.exitCode = CANNOT_RUN
  })
  child.on('exit', (code, signal) => {
    // A child that died of a signal is reported as shells do: 128 and the number of the signal.
    process.exitCode = signal === null ? code : 128 + constants.signals[signal]
  })
}
