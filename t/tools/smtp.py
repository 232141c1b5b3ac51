# Copyright (C) Keepers
#
# An SMTP server (aiosmtpd) for tests: takes mails into a folder, and does what
# a file says.  Of Debian: /usr/bin/python3 knows aiosmtpd, another may not.
#
#     python3 smtp.py PORT FOLDER [CERTIFICATE KEY] [tls] [login]
#
# FOLDER/plan has a line a mail, of which the first is taken each time:
# "rcpt 550", "data 451", "mail 452", "data hang"; none: it is taken.
# FOLDER/mails.txt has what was taken, a line of JSON each; FOLDER/seen.txt
# what was tried.

import asyncio
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

port, folder = int(sys.argv[1]), sys.argv[2]
pair = [one for one in sys.argv[3:] if one.endswith((".pem", ".key"))]
at_once, login = "tls" in sys.argv[3:], "login" in sys.argv[3:]


def plan():
    path = os.path.join(folder, "plan")

    try:
        with open(path, encoding="ascii") as file:
            return file.read().split("\n", 1)[0].split()

    except FileNotFoundError:
        return []


def done():
    path = os.path.join(folder, "plan")

    if os.path.exists(path):
        with open(path, encoding="ascii") as file:
            rest = file.read().split("\n", 1)[1:]

        if rest and rest[0]:
            with open(path, "w", encoding="ascii") as file:
                file.write(rest[0])
        else:
            os.unlink(path)


def note(name, text):
    with open(os.path.join(folder, name), "a", encoding="utf-8") as file:
        file.write(text + "\n")


async def obey(stage):
    act = plan()

    if act and act[0] == stage:
        done()

        if act[1] == "hang":
            note("seen.txt", "hang")
            await asyncio.sleep(3600)

        note("seen.txt", " ".join(act))
        return f"{act[1]} no, canary-reply@cafe.example"

    return None


class Handler:
    async def handle_QUIT(self, server, session, envelope):
        return await obey("quit") or "221 Bye"

    async def handle_MAIL(self, server, session, envelope, address, options):
        refusal = await obey("mail")

        if refusal:
            return refusal

        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        refusal = await obey("rcpt")

        if refusal:
            return refusal

        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        refusal = await obey("data")

        if refusal:
            return refusal

        note("mails.txt", json.dumps({
            "from": envelope.mail_from, "to": envelope.rcpt_tos,
            "helo": session.host_name, "tls": at_once or session.ssl is not None,
            "user": session.auth_data and
                    session.auth_data.login.decode(),
            "text": envelope.content.decode("utf-8")}))
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (
        data.login, data.password) == (b"keepers", b"canary-smtp-word")

    note("seen.txt", "login " + ("good" if good else "bad"))
    return AuthResult(success=good, handled=good, auth_data=data)


context = None

if pair:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)


class Server(SMTP):
    def connection_made(self, transport):
        if transport.get_extra_info("sslcontext") is None or at_once:
            note("seen.txt", "connection")

        super().connection_made(transport)


def server():
    return Server(Handler(), hostname="mx.test", enable_SMTPUTF8=True,
                  tls_context=None if at_once else context,
                  require_starttls=bool(context) and not at_once,
                  authenticator=authenticate if login else None,
                  auth_require_tls=not at_once, auth_required=login)


async def main():
    listening = await asyncio.get_running_loop().create_server(
        server, "127.0.0.1", port, ssl=context if at_once else None)

    async with listening:
        await listening.serve_forever()


asyncio.run(main())
