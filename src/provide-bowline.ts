/** Lets modules, wherever they lie, `import … from 'bowline'` and get the very library that runs. For the processes that load
 *  modules, and for `node --import` when their tests are run. */

import { registerHooks } from 'node:module'

const library = new URL(import.meta.url.endsWith('.ts') ? './index.ts' : './index.js', import.meta.url).href

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'bowline' ? { url: library, shortCircuit: true } : next(specifier, context),
})
