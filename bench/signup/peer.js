// Copyright (C) Keepers

// Signups the usual way: fastify, a limit in Redis, better-sqlite3 with WAL
// and synchronous=FULL.  Nothing is sealed, no consent text is looked up, no
// audit is kept.
//
//     node peer.js each|batch SOCKET|PORT DATABASE REDIS
//
// "each" commits each request, "batch" whatever has arrived since the last
// commit.

'use strict';

const Database = require('better-sqlite3');
const Redis = require('ioredis');
const fastify = require('fastify')({ logger: false, bodyLimit: 16384 });

const [mode, listen, database, socket] = process.argv.slice(2);

const redis = new Redis(socket, { enableAutoPipelining: true });
const db = new Database(database);

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

    const added = addCustomer.run(s.link, s.body.name.normalize('NFC'),
                                  s.body.email.toLowerCase(), s.body.phone,
                                  now);

    if (added.changes !== 0 && s.body.consent_email) {
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

const email = "^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}"
              + '@[a-zA-Z0-9-]{1,63}([.][a-zA-Z0-9-]{1,63})+$';

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
                name: { type: 'string', minLength: 1, maxLength: 100 },
                email: { type: 'string', maxLength: 254, pattern: email },
                phone: { type: 'string', pattern: '^[0-9 +()-]{6,30}$' },
                consent_email: { type: 'boolean' },
                locale: { type: 'string', maxLength: 35 }
            }
        }
    }
}, async (request, reply) => {
    const window = 'limit:' + request.ip + ':'
                   + Math.floor(Date.now() / 60000);
    const [n] = await Promise.all([redis.incr(window),
                                   redis.expire(window, 120)]);

    if (n > 1e9) {
        return reply.code(429).send({ code: 'rate_limited' });
    }

    const signup = { key: request.headers['idempotency-key'],
                     link: request.params.slug, body: request.body };

    if (mode === 'batch') {
        await storeLater(signup);

    } else {
        storeOne(signup);
    }

    return reply.code(202).send({ status: 'received' });
});

fastify.listen(/^\d+$/.test(listen) ? { port: Number(listen) }
                                    : { path: listen });
