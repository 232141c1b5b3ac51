#!/usr/bin/perl

# Copyright (C) Keepers

# What the writer has to tell an owner by mail is in its outbox as soon as what
# caused it is stored, comes to a folder as whole files for nobody else to
# read, and comes there after whatever failed: a folder that is gone or full, a
# writer that is killed at any moment.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Mail;
use Keepers::Test;
use Keepers::Writer;
use Test::More;


my $email = 'canary-owner@cafe.example';
my $folder = work_dir() . '/mail';
my %mail = ('mail.url' => 'https://loyalty.example',
            'mail.from' => 'no-reply@loyalty.example',
            'mail.folder' => $folder);


sub db {
    my ($writer, $statement) = @_;

    return sql({ database => $writer->{database} }, $statement);
}

sub waiting { return db($_[0], "SELECT count(*) FROM outbox WHERE why = ''") }

sub forgot {
    my ($writer, $email) = @_;

    return $writer->post('/v1/forgot', $writer->seal(forgot => email => $email))
                  ->code;
}

sub renew {
    my ($writer, $new, $token) = @_;

    return $writer->post('/v1/reset',
                         $writer->seal(reset => token => $token, new => $new));
}

# How long ago it was asked for is the store's word.
sub age {
    my ($writer) = @_;

    stop($writer->{process});
    db($writer, 'UPDATE resets SET expires_ms = expires_ms - 1800000;'
                . 'UPDATE outbox SET expires_ms = expires_ms - 1800000');
    return restart($writer->{process});
}


sub writer {
    my (%ini) = @_;
    my $writer = Keepers::Writer->new(%mail, %ini);

    $writer->account(business => 'Cafe', email => $email, role => 'owner');
    $writer->start;
    return $writer;
}


subtest 'what the section may not say' => sub {
    my $readable = spew(work_dir() . '/readable', "x\n", 0644);
    my @wrong = (
        [{ 'mail.url' => '' }, qr/\[mail\] url is missing/],
        [{ 'mail.url' => 'http://loyalty.example' }, qr/\[mail\] url is/],
        [{ 'mail.url' => 'https://loyalty.example/x' }, qr/\[mail\] url is/],
        [{ 'mail.url' => 'https://a@loyalty.example' }, qr/\[mail\] url is/],
        [{ 'mail.url' => 'https://loyalty.example:0' }, qr/\[mail\] url is/],
        [{ 'mail.url' => 'https://' }, qr/\[mail\] url is/],
        [{ 'mail.from' => '' }, qr/\[mail\] from is/],
        [{ 'mail.from' => 'nobody' }, qr/\[mail\] from is/],
        [{ 'mail.folder' => "$folder.none" }, qr/\[mail\] folder: .*make it/],
        [{ 'mail.folder' => $readable }, qr/\[mail\] folder: .*is no folder/],
        [{ 'mail.folder' => '/tmp' }, qr/\[mail\] folder: .*chmod 700/],
        [{ 'mail.smtp' => 'smtp://mx.example' },
         qr/\[mail\] has folder and smtp: remove one/],
        [{ 'mail.smtp_user' => 'x' }, qr/settings of smtp and no smtp/],
    );
    my @smtp = (
        [{ 'mail.smtp' => 'http://mx.example' }, qr/\[mail\] smtp is/],
        [{ 'mail.smtp' => 'smtp://u:p@mx.example' }, qr/\[mail\] smtp is/],
        [{ 'mail.smtp' => 'smtp://mx.example/x' }, qr/\[mail\] smtp is/],
        [{ 'mail.smtp_tls' => 0 }, qr/\[mail\] smtp_tls = 0 is for/],
        [{ 'mail.smtp_tls' => 0, 'mail.smtp' => 'smtps://127.0.0.1' },
         qr/\[mail\] smtp_tls = 0 is for/],
        [{ 'mail.smtp_tls' => 2 }, qr/\[mail\] smtp_tls .* from 0 to 1/],
        [{ 'mail.smtp_ca' => "$folder.none" }, qr/\[mail\] smtp_ca: cannot/],
        [{ 'mail.smtp_user' => 'x' }, qr/one of smtp_user and smtp_password/],
        [{ 'mail.smtp_user' => 'x', 'mail.smtp_password_file' => $readable },
         qr/\[mail\] smtp_password_file: .*chmod 600/],
    );

    mkdir($folder, 0700);

    for my $case (@wrong) {
        my ($status, $text) = Keepers::Writer->new(%mail, %{$case->[0]})
                                             ->command('', 'check-config');

        is($status, 1, join(' ', %{$case->[0]}));
        like($text, $case->[1], 'is refused in words');
    }

    for my $case (@smtp) {
        my ($status, $text) = Keepers::Writer->new(
            %mail, 'mail.folder' => '', 'mail.smtp' => 'smtp://mx.example:587',
            %{$case->[0]})->command('', 'check-config');

        is($status, 1, join(' ', %{$case->[0]}));
        like($text, $case->[1], 'is refused in words');
    }

    for my $good ({}, { 'mail.url' => 'http://127.0.0.1:8080' },
                  { 'mail.url' => 'https://[2001:db8::1]:8443' },
                  { 'mail.folder' => '' },
                  { map { $_ => '' } keys %mail })
    {
        my ($status, $text) = Keepers::Writer->new(%mail, %$good)
                                             ->command('', 'check-config');

        is($status, 0, join(' ', %$good) || 'all of it') or diag($text);
    }
};

my $writer = writer();

subtest 'a mail' => sub {
    is(forgot($writer, $email), 204, 'is asked for');

    my $mail = mail_for($folder, 1);

    ok($mail, 'it comes');
    is((stat($mail->{file}))[2] & 07777, 0600, 'for nobody else to read');
    is_deeply([glob("$folder/* $folder/.*.new")], [$mail->{file}],
              'and nothing beside it');

    my $head = $mail->{head};

    is($head->{From}, 'Keepers Loyalty <no-reply@loyalty.example>', 'from us');
    is($head->{To}, "<$email>", 'to the owner');
    like($head->{Date}, qr/^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d? [A-Z][a-z]{2} 20\d\d \d\d:\d\d:\d\d \+0000$/, 'today');
    like($head->{'Message-ID'}, qr/^<[0-9a-f-]{36}\@loyalty\.example>$/,
         'with an id');
    is($head->{'Auto-Submitted'}, 'auto-generated', 'not to be answered');
    like($mail->{text}, qr{\r\nhttps://loyalty\.example/reset\?token=[\w-]{43}
                           \r\n}x, 'with a link to the configured site');
    unlike($mail->{bytes}, qr/[^\r]\n|\r[^\n]|[^\r\n\x20-\x7e]/,
           'in lines that end as lines of mails do');
    ok((wait_for { waiting($writer) == 0 }), 'it has left the outbox');

    my $program = spew(work_dir() . '/parse.py', <<'END');
import email, email.policy, sys

with open(sys.argv[1], "rb") as file:
    m = email.message_from_binary_file(file, policy=email.policy.default)

print(m["to"].addresses[0].addr_spec, m["from"].addresses[0].addr_spec,
      m["date"].datetime.year > 2000, m.get_content_type(), len(m.defects))
END
    my $python = qx(python3 '$program' '$mail->{file}');

    is($python, "$email no-reply\@loyalty.example True text/plain 0\n",
       'a parser reads it');
    like((logs(qr/event=mail_sent/))[-1], qr/tries=1 waited_ms=\d+$/,
         'the log says that it was sent, not to whom');
};

subtest 'one to nobody' => sub {
    is(forgot($writer, 'stranger@cafe.example'), 204, 'is asked for');
    is(forgot($writer, 'no address'), 204, 'as is one to no address');
    is(forgot($writer, $email), 204, 'and one more behind them');
    ok(mail_for($folder, 2), 'which comes');
    ok((wait_for { waiting($writer) == 0 }), 'the others leave the outbox');
    is(scalar(mails($folder)), 2, 'without a mail');
};

subtest 'in the outbox' => sub {
    rename($folder, "$folder.away");
    is(forgot($writer, $email), 204, 'one that cannot be delivered');
    is(forgot($writer, 'stranger@cafe.example'), 204, 'and one to nobody');
    ok((wait_for { logs(qr/event=mail state=down why=errno_2$/) }),
       'of which the log says why');
    ok((wait_for { waiting($writer) == 2 }), 'wait');
    is(db($writer, 'SELECT count(DISTINCT length(sealed)) FROM outbox'), 1,
       'alike in length');

    my ($status, $text) = $writer->command('', 'mail');

    is($status, 0, 'the operator asks');
    like($text, qr/^waiting=2\naside=0\noldest_s=\d+$/m, 'and sees them');

    my $bytes = slurp($writer->{database}) . slurp("$writer->{database}-wal");

    unlike($bytes, qr/canary-owner|reset\?token|stranger/,
           'nothing can be read there');

    rename("$folder.away", $folder);
    ok(mail_for($folder, 3), 'it comes when the folder is back');
    ok((wait_for { logs(qr/event=mail state=well/) }), 'which is said');
    ok((wait_for { waiting($writer) == 0 }), 'none waits');
    is(scalar(logs(qr/state=down/)), 1, 'it was said once that it was down');
};

subtest 'three that live' => sub {
    is(forgot($writer, $email), 204, 'a fourth');
    is(($writer->command('', qw(mail retry)))[0], 0, 'is looked at');
    is(db($writer, 'SELECT count(*) FROM resets'), 3, 'makes no link');
    ok((wait_for { waiting($writer) == 0 }), 'leaves the outbox');
    is(scalar(mails($folder)), 3, 'and no mail');
    is(db($writer, "SELECT count(*) FROM audit WHERE what = 'reset.asked'"), 3,
       'the business sees three');

    age($writer);
    is(renew($writer, 'canary-late-8Wd', (mails($folder))[2]{token})->code,
       410, 'half an hour later none of them sets a password');
    is(forgot($writer, $email), 204, 'asked for once more');
    ok(mail_for($folder, 4), 'another one comes');
};

subtest 'what was set with it' => sub {
    my ($old, $mail) = (mails($folder))[2, 3];
    my $new = canary('canary-crema-8Wd');

    is(renew($writer, $new, $old->{token})->code, 410, 'not by an old link');
    is(renew($writer, 'short', $mail->{token})->json->{errors}[0]{code},
       'too_short', 'not a short one');
    is(renew($writer, 'Sunshine2026', $mail->{token})->json->{errors}[0]{code},
       'common', 'not a common one');
    is(renew($writer, $email, $mail->{token})->json->{errors}[0]{code},
       'named', 'not the address');
    is(renew($writer, $new, 'A' x 43)->code, 410, 'not by a link of nobody');
    is(renew($writer, $new, $mail->{token})->code, 204, 'a good one is');

    my $told = mail_for($folder, 5);

    like($told->{head}{Subject}, qr/password was changed/, 'its owner is told');
    is($told->{head}{To}, "<$email>", 'by mail');
    like($told->{text}, qr{\r\nhttps://loyalty\.example/forgot\r\n},
         'and what to do if it was another');
    is($told->{token}, undef, 'without a link that sets one');
    is(renew($writer, 'canary-other-8Wd', $mail->{token})->code, 410,
       'it works once');
    is(db($writer, 'SELECT count(*) FROM resets'), 0, 'none is left');

    my ($status) = $writer->command("$new-2\n", qw(account password --email),
                                    $email);

    is($status, 0, 'an operator sets another');
    like((mail_for($folder, 6) || {})->{head}{Subject},
         qr/password was changed/, 'its owner is told, too');
};

# The rename and the removal from the outbox are two: what is killed between
# them delivers again, to the same name.
subtest 'a writer that is killed' => sub {
    my $n = mails($folder);
    my $links = 0;

    for my $round (1 .. 12) {
        my $code = forgot($writer, $email);

        $links += wait_for { db($writer, 'SELECT count(*) FROM resets') > 0 };
        select(undef, undef, undef, 0.004 * ($round - 1));
        kill_hard($writer->{process});
        db($writer, 'DELETE FROM resets');
        restart($writer->{process});
    }

    is($links, 12, 'has made twelve links');
    ok((wait_for { waiting($writer) == 0 }), 'delivers what was left');
    is(scalar(mails($folder)), $n + 12, 'each is one file');
    is_deeply([glob("$folder/*.new")], [], 'and whole');
    is(scalar(grep { $_->{text} =~ /as it is\.\r\n$/ } mails($folder)) ,
       scalar(grep { $_->{token} } mails($folder)), 'to the last line');
};

# What a crash between the rename and the removal leaves: the row.
subtest 'a mail that was delivered and not removed' => sub {
    rename($folder, "$folder.away");
    forgot($writer, $email);
    ok((wait_for { waiting($writer) == 1 }), 'one waits');
    stop($writer->{process});
    db($writer, 'CREATE TABLE kept AS SELECT * FROM outbox');
    rename("$folder.away", $folder);

    my $n = mails($folder);

    restart($writer->{process});
    ok(mail_for($folder, $n + 1), 'is delivered');
    ok((wait_for { waiting($writer) == 0 }), 'and removed');

    my $was = mail_for($folder, $n + 1);

    stop($writer->{process});
    db($writer, 'INSERT INTO outbox SELECT * FROM kept; DROP TABLE kept');
    restart($writer->{process});
    ok((wait_for { waiting($writer) == 0 }), 'is delivered again');
    is(scalar(mails($folder)), $n + 1, 'to the same name');
    is(mail_for($folder, $n + 1)->{bytes}, $was->{bytes}, 'with the same text');
    stop($writer->{process});
    db($writer, 'DELETE FROM resets');
    restart($writer->{process});
};

subtest 'a mail whose link has ended' => sub {
    my $n = mails($folder);

    rename($folder, "$folder.away");
    forgot($writer, $email);
    ok((wait_for { waiting($writer) == 1 }), 'one waits');
    stop($writer->{process});
    db($writer, 'UPDATE outbox SET expires_ms = expires_ms - 1800000');
    rename("$folder.away", $folder);
    restart($writer->{process});
    ok((wait_for { db($writer, 'SELECT why FROM outbox') eq 'expired' }),
       'is set aside');
    is(scalar(mails($folder)), $n, 'and sent to nobody');
    stop($writer->{process});
    db($writer, 'DELETE FROM resets; DELETE FROM outbox');
    restart($writer->{process});
};

# As a disk does that is full: nothing half written is left behind, and the
# store, on another disk, goes on.
subtest 'a folder that is full' => sub {
    my $n = mails($folder);
    my $trace = work_dir() . '/strace.out';
    my $pid = fork() // die("fork: $!\n");

    if ($pid == 0) {
        exec(qw(strace -f -qq -o), $trace, '-p', $writer->{process}{pid},
             qw(-e trace=renameat -e inject=renameat:error=ENOSPC:when=1..2));
    }

    ok((wait_for { slurp("/proc/$writer->{process}{pid}/status")
                   =~ /^TracerPid:\t$pid$/m }), 'is put in its way');
    forgot($writer, $email);
    ok((wait_for { logs(qr/event=mail state=down why=errno_28$/) }),
       'is said to be');
    ok(mail_for($folder, $n + 1), 'gets the mail when there is room');
    is(scalar(mails($folder)), $n + 1, 'once');
    is_deeply([glob("$folder/*.new")], [], 'and nothing else');
    kill('INT', $pid);
    waitpid($pid, 0);
};

subtest 'a file that a crash has left' => sub {
    rename($folder, "$folder.away");
    forgot($writer, $email);
    ok((wait_for { waiting($writer) == 1 }), 'one waits');

    my $id = lc(db($writer, "SELECT hex(id) FROM outbox WHERE why = ''"))
             =~ s/^(.{8})(.{4})(.{4})(.{4})/$1-$2-$3-$4-/r;
    my $n = mails("$folder.away");

    spew("$folder.away/$id.eml.new", 'half', 0644);
    rename("$folder.away", $folder);
    ok(mail_for($folder, $n + 1), 'is no obstacle');
    ok(-e "$folder/$id.eml", 'the mail has its name');
    is((stat("$folder/$id.eml"))[2] & 07777, 0600, 'its mode');
    ok(!-e "$folder/$id.eml.new", 'and its place');
};

subtest 'a key that is gone' => sub {
    rename($folder, "$folder.away");
    forgot($writer, $email);
    ok((wait_for { waiting($writer) == 1 }), 'one waits');
    stop($writer->{process});
    db($writer, "UPDATE outbox SET master = 'gone'");
    rename("$folder.away", $folder);
    restart($writer->{process});
    ok((wait_for { db($writer, "SELECT why FROM outbox") eq 'unsealed' }),
       'sets it aside');
    like(($writer->command('', 'mail'))[1], qr/^waiting=0\naside=1$/m,
         'the operator sees it');
    stop($writer->{process});
    db($writer, 'UPDATE outbox SET master = (SELECT master FROM accounts)');
    restart($writer->{process});

    my $n = mails($folder);

    is(($writer->command('', qw(mail retry)))[0], 0, 'and has it tried again');
    ok(mail_for($folder, $n + 1), 'once the key is back');

    # of an address
    stop($writer->{process});
    db($writer, "UPDATE accounts SET master = 'gone-' || master");
    restart($writer->{process});
    is(($writer->command("canary-crema-8Wd-4\n", qw(account password --email),
                         $email))[0], 0, 'keeps no operator from helping');
    ok(logs(qr/event=mail_kept state=lost why=unsealed/),
       'and the log says that nobody was told');
};

subtest 'without a section' => sub {
    my $writer = writer(map { $_ => '' } keys %mail);

    is(forgot($writer, $email), 404, 'whoever asks');
    is(forgot($writer, 'stranger@cafe.example'), 404, '... is told');
    is(($writer->command("canary-lungo-3Kf\n", qw(account password --email),
                         $email))[0], 0, 'an operator sets a password');
    is(db($writer, 'SELECT (SELECT count(*) FROM outbox)'
                   . ' + (SELECT count(*) FROM resets)'), 0,
       'and nothing waits');
    ok(logs(qr/event=mail state=off/), 'as the log has said');
};

subtest 'the folder beside the database' => sub {
    my $writer = writer('mail.folder' => '');
    my $beside = $writer->{database} =~ s{[^/]*$}{outbox}r;

    is(forgot($writer, $email), 204, 'one is asked for');
    ok(mail_for($beside, 1), 'it comes there');
    is((stat($beside))[2] & 07777, 0700, 'for nobody else');
};

done_testing();
