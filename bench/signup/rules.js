// Copyright (C) Keepers

// What a signup is judged by, as ours is, in JavaScript and with the libraries
// that one would take for it: names in any script, counted in graphemes;
// addresses with domains in any script; numbers as their country writes them.

'use strict';

const { domainToASCII } = require('node:url');
const { parsePhoneNumberFromString } = require('libphonenumber-js/min');

const ascii = /^[\x20-\x7e]*$/;
const refused = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;
const local = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/i;
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

function nameOf(typed) {
    const name = typed.trim().normalize('NFC');

    if (name === '' || refused.test(name)) {
        return null;
    }

    if (ascii.test(name)) {
        return name.length <= 100 ? name : null;
    }

    return Buffer.byteLength(name) <= 400
           && [...graphemes.segment(name)].length <= 100 ? name : null;
}

function emailOf(typed) {
    const email = typed.trim().normalize('NFC');
    const at = email.indexOf('@');

    if (at < 1 || at > 64 || email.length > 254
        || !local.test(email.slice(0, at)))
    {
        return null;
    }

    let domain = email.slice(at + 1).toLowerCase();

    if (!ascii.test(domain)) {
        domain = domainToASCII(domain);
    }

    const labels = domain.split('.');

    return labels.length >= 2 && labels.every((l) => label.test(l))
           ? email.slice(0, at).toLowerCase() + '@' + domain : null;
}

function phoneOf(typed, country) {
    const phone = parsePhoneNumberFromString(typed, country);

    return phone && phone.isPossible() ? phone.number : null;
}

// A signup that may be stored, or the fields that may not.
exports.judge = function (body, link) {
    const errors = [];
    const person = { name: nameOf(body.name), email: emailOf(body.email),
                     phone: undefined, consent: body.consent_email === true };

    if (body.phone !== undefined && body.phone !== '') {
        person.phone = phoneOf(body.phone, link.country);
    }

    for (const field of ['name', 'email', 'phone']) {
        if (person[field] === null) {
            errors.push({ field, code: field + '.invalid' });
        }
    }

    return { person, errors };
};
