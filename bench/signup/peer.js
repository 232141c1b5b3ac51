// Copyright (C) Keepers

// Signups the usual way: fastify, the rules that ours are judged by, one limit
// in Redis (GCRA), better-sqlite3 with WAL and synchronous=FULL.  Nothing is
// sealed, no consent text is looked up, no repeat is reserved, no audit is kept.
//
//     node peer.js each|batch SOCKET|PORT DATABASE REDIS
//
// "each" commits each request, "batch" whatever has arrived since the last
// commit.

'use strict';

const Database = require('better-sqlite3');
const Redis = require('ioredis');
const fastify = require('fastify')({ logger: false, bodyLimit: 16384 });
const { judge } = require('./rules.js');

const [mode, listen, database, socket] = process.argv.slice(2);

const redis = new Redis(socket, { enableAutoPipelining: true });
const db = new Database(database);
const links = new Map([['corner-coffee-club', { country: 'GB' }]]);

redis.defineCommand('admit', { numberOfKeys: 1, lua: `
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local tat = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local step, room = tonumber(ARGV[1]), tonumber(ARGV[2])
if tat + step - now > room then return 0 end
redis.call('SET', KEYS[1], tat + step, 'PX',
           math.ceil((tat + step - now) / 1000))
return 1` });

db.exec(`
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS signups (
    key TEXT PRIMARY KEY, link TEXT NOT NULL, received_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS customers (
    id INTEGER PRIMARY KEY, link TEXT NOT NULL, name TEXT NOT NULL,
    email TEXT NOT NULL, phone TEXT, joined_ms INTEGER NOT NULL,
    UNIQUE (link, email)
);
CREATE TABLE IF NOT EXISTS consents (
    customer INTEGER NOT NULL REFERENCES customers (id), kind TEXT NOT NULL,
    given_ms INTEGER NOT NULL, PRIMARY KEY (customer, kind)
) WITHOUT ROWID;
`);

const addSignup = db.prepare('INSERT INTO signups VALUES (?, ?, ?)'
                             + ' ON CONFLICT DO NOTHING');
const addCustomer = db.prepare(
    'INSERT INTO customers (link, name, email, phone, joined_ms)'
    + ' VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING');
const addConsent = db.prepare('INSERT INTO consents VALUES (?, ?, ?)');

function store(s) {
    const now = Date.now();

    if (addSignup.run(s.key, s.link, now).changes === 0) {
        return;
    }

    const added = addCustomer.run(s.link, s.person.name, s.person.email,
                                  s.person.phone, now);

    if (added.changes !== 0 && s.person.consent) {
        addConsent.run(added.lastInsertRowid, 'email', now);
    }
}

const storeOne = db.transaction(store);
const storeAll = db.transaction((list) => list.forEach((w) => store(w.signup)));

let waiting = [];

function flush() {
    const list = waiting;

    waiting = [];

    try {
        storeAll(list);
        list.forEach((w) => w.resolve());

    } catch (e) {
        list.forEach((w) => w.reject(e));
    }
}

function storeLater(signup) {
    return new Promise((resolve, reject) => {
        if (waiting.push({ signup, resolve, reject }) === 1) {
            setImmediate(flush);
        }
    });
}

fastify.post('/l/:slug', {
    schema: {
        params: {
            type: 'object',
            properties: { slug: { type: 'string', pattern: '^[a-z0-9-]+$' } }
        },
        headers: {
            type: 'object',
            required: ['idempotency-key'],
            properties: {
                'idempotency-key': { type: 'string', minLength: 16,
                                     maxLength: 255 }
            }
        },
        body: {
            type: 'object',
            required: ['name', 'email'],
            properties: {
                name: { type: 'string' },
                email: { type: 'string' },
                phone: { type: 'string', maxLength: 64 },
                consent_email: { type: 'boolean' },
                locale: { type: 'string', maxLength: 35 }
            }
        }
    }
}, async (request, reply) => {
    const link = links.get(request.params.slug);

    if (link === undefined) {
        return reply.code(404).send({ code: 'link' });
    }

    const { person, errors } = judge(request.body, link);

    if (errors.length !== 0) {
        return reply.code(422).send({ code: 'fields', errors });
    }

    // 1,000,000 a second, and as many at once: asked, and refuses nobody
    if (await redis.admit('limit:' + request.ip, 1, 1000000) === 0) {
        return reply.code(429).send({ code: 'rate_limited' });
    }

    const signup = { key: request.headers['idempotency-key'],
                     link: request.params.slug, person };

    if (mode === 'batch') {
        await storeLater(signup);

    } else {
        storeOne(signup);
    }

    return reply.code(202).send({ status: 'received' });
});

fastify.listen(/^\d+$/.test(listen) ? { port: Number(listen) }
                                    : { path: listen });
