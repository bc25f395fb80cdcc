'use strict'

/**
 * Returns a conversation state such as FlowKit saves, with `extra` members in place of its own.
 *
 * @type {typeof import('./samples.js').sample}
 */
function sample(conversationId, extra) {
  return {
    conversationId,
    currentStep: 'ask_name',
    slots: { user_name: 'Ana', _attempts: 2 },
    history: [
      { role: 'assistant', content: '¿Cómo te llamas?' },
      { role: 'user', content: 'Ana \u{1F44B}' },
    ],
    ended: false,
    createdAt: 1_700_000_000_000,
    updatedAt: 1_700_000_000_001,
    ...extra,
  }
}

/** Returns members that a careless codec changes or loses. */
function states() {
  const hostileText =
    'quote " backslash \\ newline \n nul \0 \u2028 \u2029 emoji \u{1F468}\u200D\u{1F469}\u200D\u{1F467} bom \uFEFF'
  return [
    {},
    { unknown: { nested: [1, [2, [3]]] }, zebra: 1, apple: 2 },
    { slots: { _handoff: { to: 'agent' }, _underscore: true, '': 'empty name', 'with space': null } },
    { slots: { text: hostileText, [hostileText]: 'as a name' } },
    { slots: { lone: '\uD800 and \uDC00', pair: '\uD83D\uDCAC' } },
    {
      slots: {
        large: 1e21,
        tiny: 5e-324,
        negativeZero: -0,
        safe: Number.MAX_SAFE_INTEGER,
        third: 1 / 3,
        sum: 0.1 + 0.2,
      },
    },
    { slots: { nan: Number.NaN, infinite: Number.POSITIVE_INFINITY, absent: undefined, list: [undefined, () => 1] } },
    { slots: { date: new Date(0), own: { toJSON: () => ({ replaced: true }) } } },
    { slots: { 10: 'ten', 9: 'nine', b: 1, a: 2 } },
    { slots: JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":1}}') },
    JSON.parse('{"__proto__":{"polluted":true}}'),
    { history: [] },
    { slots: { emptyList: [], emptyObject: {}, list: [[], {}, [{}]] } },
    { createdAt: 1_732_250_000_123.456, ended: true, currentStep: '' },
  ]
}

/** Returns ids that an attacker might choose. All are valid, and each names a conversation of its own. */
function hostileIds() {
  return [
    'user-1',
    'User-1',
    'USER-1',
    '../../etc/passwd',
    '..',
    '.',
    '...',
    '.hidden',
    'a/b',
    'a\\b',
    'a%2Fb',
    'a%252Fb',
    '/absolute',
    'C:\\windows\\system32',
    'C:',
    'CON',
    'con',
    'con.json',
    'NUL',
    'COM1',
    'LPT9.txt',
    'aux ',
    ' ',
    '  ',
    ' leading',
    'trailing ',
    'trailing.',
    '*',
    '?',
    'a*b?c',
    'a\0b',
    'a',
    '\0',
    'line\nbreak',
    '\r\n',
    '\t',
    '\u007F',
    '\u{1F4AC}',
    'é',
    'e\u0301',
    'ﬁ',
    'fi',
    'İ',
    'ı',
    'ẞ',
    'ß',
    '\u202Eevil',
    '\uFEFF',
    '\uFFFD',
    'whatsapp:+57300',
    'tenant:42:user:7',
    'flowkit:user-1',
    '{user}1',
    '{"conversationId":"user-1"}',
    "'; DROP TABLE conversations; --",
    '" OR ""="',
    '$1',
    '-1',
    '007',
    '7',
    '7.0',
    '1e3',
    '1000',
    'null',
    'undefined',
    '__proto__',
    'constructor',
    'hasOwnProperty',
    'conversations.json',
    '.json',
    '.flowkit-000000.tmp',
    '~root',
    '%',
    '%%',
    '%00',
    '%-',
    'x'.repeat(199),
    'x'.repeat(200),
    'x'.repeat(201),
    'x'.repeat(255),
    `${'x'.repeat(1023)}y`,
    `${'x'.repeat(1023)}z`,
    '\u{1F4AC}'.repeat(256),
    `${'\u{1F4AC}'.repeat(255)}abcd`,
  ]
}

/** Returns strings that are no ids: empty, too long, or not well-formed. */
function invalidIds() {
  return [
    '',
    'x'.repeat(1025),
    '\u{1F4AC}'.repeat(257),
    'é'.repeat(513),
    'x'.repeat(10_000_000),
    '\uD800',
    'a\uDC00',
    '\uDC00\uD800',
  ]
}

module.exports = { hostileIds, invalidIds, sample, states }
