/** An example of a module: answers TXT questions for one name with a greeting, and counts them. */

import { defineModule, equalNames, line, nameFromText, Rcode, rdataFromText, rrset, seconds, Type } from 'bowline'

const NAME = nameFromText('hello.example.')

export default defineModule({
  name: 'hello',
  about: 'Greets those who ask.',
  config: {
    greeting: line({ about: 'What is said.', max: 200, otherwise: '`hello`', example: 'good morning' }),
    ttl: seconds({ about: 'TTL of the greeting.', fallback: 60, min: 0, max: 86_400 }),
  },
  metrics: { greeted: 'Questions answered with a greeting' },
  before: ['special-names'],
  begin(request, { config, count }) {
    if (request.qtype !== Type.TXT || !equalNames(request.qname, NAME)) return 'pass'
    count('greeted')
    const text = rdataFromText(Type.TXT, JSON.stringify(config.greeting ?? 'hello'))
    return request.answerWith(Rcode.NOERROR, [rrset(request.qname, Type.TXT, config.ttl, [text])])
  },
})
