#!/usr/bin/env node
/* The command `bowline`. Whatever Node runs this file, from 16 on, Bowline itself runs on Node 24 or newer: this one if it
 * is, else the one that npm installed beside Bowline. In a checkout the TypeScript sources run as they stand; an
 * installed package has them compiled in dist/. Plain JavaScript, because an old Node is to read it. */

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
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

/** Type stripping does not work inside node_modules, so an installed package runs what was compiled. */
function findEntry() {
  const source = join(here, 'bowline.ts')
  const installed = here.split(sep).includes('node_modules')
  return !installed && existsSync(source) ? source : join(here, '..', 'dist', 'supervisor', 'bowline.js')
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
