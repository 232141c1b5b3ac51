#!/usr/bin/perl

# Copyright (C) Keepers

# The writer sends mail by SMTP: over TLS to whom the certificate names and to
# nobody else, once, later if the server says so, never again if it refuses,
# and without waiting for one that hangs. No log has an address, nor what the
# server said.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Certificates;
use Keepers::Mail;
use Keepers::Process qw(listens start);
use Keepers::Test;
use Keepers::Writer;
use Mojo::JSON qw(decode_json);
use Test::More;
use Time::HiRes qw(time);


my $email = 'canary-owner@cafe.example';
my $ca = Keepers::Certificates->new(work_dir() . '/tls/keys');
my $good = $ca->issue('good', san => 'IP:127.0.0.1');
my $word = spew(work_dir() . '/tls/keys/smtp.password',
                canary('canary-smtp-word') . "\n");
my $servers = 0;

canary('canary-reply');


# A server of its own: arguments of t/tools/smtp.py. Mails that it took lie in
# a folder named as what is searched for nothing.
sub server {
    my (@arguments) = @_;
    my $dir = work_dir() . '/smtp' . ++$servers . '/keys';
    my $port = free_port();

    mkdir($dir =~ s{/keys$}{}r);
    mkdir($dir);

    my $server = start({ name => 'smtp', dir => $dir, port => $port,
        log => "$dir/../smtp.log", ready => sub { listens($port) },
        command => ['/usr/bin/python3', "$Keepers::Test::root/t/tools/smtp.py", $port,
                    $dir, @arguments] });

    return $server;
}


sub writer {
    my ($server, %ini) = @_;
    my $writer = Keepers::Writer->new(
        'mail.url' => 'https://loyalty.example',
        'mail.from' => 'no-reply@loyalty.example',
        'mail.smtp' => "smtp://127.0.0.1:$server->{port}",
        'mail.smtp_ca' => $ca->file, 'mail.smtp_timeout_s' => 2, %ini);

    $writer->account(business => 'Cafe', email => $email, role => 'owner');
    $writer->start;
    return $writer;
}


sub db {
    my ($writer, $statement) = @_;

    return sql({ database => $writer->{database} }, $statement);
}


sub forgot {
    my ($writer) = @_;

    $writer->command('', qw(mail retry));
    db($writer, 'SELECT count(*) FROM resets') < 3
        or die("more than three links\n");
    $writer->post('/v1/forgot', $writer->seal(forgot => email => $email))->code
        == 204 or die("forgot\n");
    return;
}

sub outbox { return db($_[0], 'SELECT count(*) FROM outbox') }

sub taken {
    my ($server) = @_;

    return map { decode_json($_) } split(/^/, slurp("$server->{dir}/mails.txt"));
}

sub seen { return slurp("$_[0]{dir}/seen.txt") }

# Of one writer, the lines that its log has of mail.
sub said {
    my ($writer, $pattern) = @_;

    return grep { /$pattern/ } split(/^/, slurp("$writer->{dir}/writer.log"));
}


# Ends a server and takes one that does better to its place.
sub another {
    my ($server, @arguments) = @_;

    stop($server);
    splice(@{$server->{command}}, 4, 99, @arguments);
    return restart($server);
}


subtest 'a mail' => sub {
    my $server = server($good->{certificate}, $good->{key}, 'login');
    my $writer = writer($server, 'mail.smtp_user' => 'keepers',
                        'mail.smtp_password_file' => $word);

    forgot($writer);
    ok((wait_for { taken($server) == 1 }), 'is taken');

    my ($mail) = taken($server);

    is($mail->{from}, 'no-reply@loyalty.example', 'from us');
    is_deeply($mail->{to}, [$email], 'to the owner');
    ok($mail->{tls}, 'over TLS');
    is($mail->{user}, 'keepers', 'after a login');
    is($mail->{helo}, 'loyalty.example', 'under the public name');

    my $parsed = mail_read($mail->{text});

    is($parsed->{head}{To}, "<$email>", 'with its header');
    like($parsed->{token}, qr/^[\w-]{43}$/, 'and its link');
    ok((wait_for { outbox($writer) == 0 }), 'it leaves the outbox');
    select(undef, undef, undef, 0.5);
    is(scalar(taken($server)), 1, 'it is sent once');
    is(scalar(said($writer, qr/event=mail_sent tries=1/)), 1, 'which is said');
};

subtest 'TLS from the first byte' => sub {
    my $server = server($good->{certificate}, $good->{key}, 'tls');
    my $writer = writer($server,
                        'mail.smtp' => "smtps://127.0.0.1:$server->{port}");

    forgot($writer);
    ok((wait_for { taken($server) == 1 }), 'is taken');
    ok((taken($server))[0]{tls}, 'over TLS');
};

subtest 'in the clear, on this machine' => sub {
    my $server = server();
    my $writer = writer($server, 'mail.smtp_tls' => 0, 'mail.smtp_ca' => '');

    forgot($writer);
    ok((wait_for { taken($server) == 1 }), 'is taken');
    ok(!(taken($server))[0]{tls}, 'without TLS');
};

# Each is wrong at first, and then is not: what waited comes.
for my $case (
    ['another name', sub { $ca->issue('other', san => 'DNS:mx.test') }, 60],
    ['one that has expired',
     sub { $ca->issue('old', san => 'IP:127.0.0.1', days => -1) }, 60],
    ['one that nobody signed',
     sub { $ca->self_signed('self', san => 'IP:127.0.0.1') }, 60],
    ['a server without TLS', sub { {} }, 64],
) {
    my ($name, $pair, $code) = @$case;

    subtest $name => sub {
        my $wrong = $pair->();
        my $server = server(grep { defined } @$wrong{qw(certificate key)});
        my $writer = writer($server);

        forgot($writer);
        ok((wait_for { said($writer, qr/state=down why=curl_$code$/) }),
           'is not spoken to');
        is(scalar(taken($server)), 0, 'it gets no mail');
        is(outbox($writer), 1, 'which waits');
        another($server, $good->{certificate}, $good->{key});
        ok((wait_for { taken($server) == 1 }), 'until it is another');
        ok((wait_for { said($writer, qr/event=mail state=well/) }),
           'which is said');
    };
}

subtest 'an authority of the system' => sub {
    my $server = server($good->{certificate}, $good->{key});
    my $writer = writer($server, 'mail.smtp_ca' => '');

    forgot($writer);
    ok((wait_for { said($writer, qr/state=down why=curl_60$/) }),
       'does not know ours');
};

subtest 'a wrong login' => sub {
    my $server = server($good->{certificate}, $good->{key}, 'login');
    my $wrong = spew(work_dir() . '/wrong.password', "no\n");
    my $writer = writer($server, 'mail.smtp_user' => 'keepers',
                        'mail.smtp_password_file' => $wrong);

    forgot($writer);
    ok((wait_for { said($writer, qr/state=down why=curl_67$/) }),
       'sends nothing');
    is(outbox($writer), 1, 'and loses nothing');
    is(db($writer, 'SELECT tries FROM outbox'), 0, 'nor blames the mail');

    # that it is wanted is our mistake, too
    $writer = writer($server);
    forgot($writer);
    ok((wait_for { said($writer, qr/state=down why=smtp_530$/) }),
       'nor does none');
};

subtest 'later' => sub {
    my $server = server($good->{certificate}, $good->{key});
    my $writer = writer($server);

    spew("$server->{dir}/plan", "rcpt 450\ndata 451\n");
    forgot($writer);
    ok((wait_for { said($writer, qr/event=mail_kept state=later why=smtp_450/) }),
       'says the server');
    is(db($writer, 'SELECT tries FROM outbox'), 1, 'it was tried');

    # another one does not wait for it
    forgot($writer);
    ok((wait_for { said($writer, qr/state=later why=smtp_451/) }),
       '... and of another one');
    is(scalar(said($writer, qr/state=down/)), 0, 'the server is not down');
    ok((wait_for { taken($server) == 2 } 15), 'both are taken then');
    ok((wait_for { outbox($writer) == 0 }), 'and leave the outbox');
    is(scalar(said($writer, qr/event=mail_sent tries=2/)), 2,
       'at the second try');
};

subtest 'never' => sub {
    my $server = server($good->{certificate}, $good->{key});
    my $writer = writer($server);

    spew("$server->{dir}/plan", "rcpt 550\n");
    forgot($writer);
    ok((wait_for { said($writer, qr/event=mail_kept state=aside why=smtp_550/) }),
       'says the server');
    ok((wait_for { db($writer, 'SELECT why FROM outbox') eq 'smtp_550' }),
       'it is set aside');
    like(($writer->command('', 'mail'))[1], qr/^waiting=0\naside=1$/m,
         'which the operator sees');

    $writer->post('/v1/forgot', $writer->seal(forgot => email => $email));
    ok((wait_for { taken($server) == 1 }), 'the next one is taken');
    ok((wait_for { outbox($writer) == 1 }), 'the first is not tried again');
    is(($writer->command('', qw(mail retry)))[0], 0, 'until somebody says so');
    ok((wait_for { taken($server) == 2 }), 'then it is');

    spew("$server->{dir}/plan", "data 554\nmail 552\n");
    $writer->post('/v1/forgot', $writer->seal(forgot => email => $email));
    ok((wait_for { said($writer, qr/state=aside why=smtp_554/) }),
       'after the text, too');
};

subtest 'it leaves' => sub {
    my $server = server($good->{certificate}, $good->{key});
    my $writer = writer($server);

    spew("$server->{dir}/plan", "rcpt 421\n");
    forgot($writer);
    ok((wait_for { said($writer, qr/state=down why=smtp_421/) }),
       'a server that is about to');
    ok((wait_for { taken($server) == 1 }), 'is tried again soon');

    stop($server);
    forgot($writer);
    ok((wait_for { said($writer, qr/state=down why=curl_7$/) }),
       'one that is gone');
    restart($server);
    ok((wait_for { taken($server) == 2 }), 'gets it once it is back');
};

subtest 'one that hangs' => sub {
    my $server = server($good->{certificate}, $good->{key});
    my $writer = writer($server);

    pause($server);
    forgot($writer);

    my $start = time();

    is($writer->get('/healthz')->code, 200, 'the writer goes on');
    cmp_ok(time() - $start, '<', 1, 'at once');
    ok((wait_for { said($writer, qr/state=down why=timeout$/) }),
       'before the first word, is not waited for');
    resume($server);
    ok((wait_for { taken($server) == 1 }), 'gets it when it goes on');

    spew("$server->{dir}/plan", "data hang\n");
    forgot($writer);
    ok((wait_for { seen($server) =~ /^hang$/m }), 'behind the text');
    ok((wait_for { taken($server) == 2 } 15), 'it is tried again');
    ok((wait_for { outbox($writer) == 0 }), 'and leaves the outbox');

    pause($server);
    forgot($writer);
    stop($writer->{process});
    ok(!alive($writer->{process}), 'a writer stops');
    is(outbox($writer), 1, 'and keeps what it could not send');
    resume($server);
    restart($writer->{process});
    ok((wait_for { taken($server) == 3 }), 'for when it starts again');
};

subtest 'a stop' => sub {
    my $server = server($good->{certificate}, $good->{key});
    my $writer = writer($server, 'mail.smtp_timeout_s' => 300);
    my $n = 0;

    for my $act ('', "data hang\n", "quit hang\n") {
        if ($act) {
            spew("$server->{dir}/plan", $act);
            forgot($writer);
            ok((wait_for { seen($server) =~ /^hang$/m }), $act);
            spew("$server->{dir}/seen.txt", '');

        } else {
            pause($server);
            forgot($writer);
            select(undef, undef, undef, 0.5);
        }

        my $start = time();

        stop($writer->{process});
        cmp_ok(time() - $start, '<', 5, 'does not wait for who hangs');
        resume($server);
        restart($writer->{process});
        $n++;
        ok((wait_for { outbox($writer) == 0 }), 'and loses nothing');
        is(scalar(taken($server)), $n, 'nor sends what was taken again');
    }
};

done_testing();
