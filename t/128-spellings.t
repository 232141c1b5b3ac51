#!/usr/bin/perl

# Copyright (C) Keepers

# What an upstream gets, byte for byte: whatever a client spells, no header that
# may be taken for one of ours, no cookie of ours, and nothing that makes a proxy
# between drop what we say ourselves.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Keepers::Test;
use MIME::Base64 qw(decode_base64url);
use Mojo::JSON qw(decode_json);
use POSIX ();
use Test::More;


my $seed = $ENV{KEEPERS_SEED} // 20261129;

srand($seed);
note("KEEPERS_SEED=$seed");

my $p = start_platform(limits => 'off');

# An upstream that answers with the head that it got.
my $upstream = IO::Socket::INET->new(Listen => 64, Proto => 'tcp',
                                     LocalAddr => '127.0.0.1') or die($!);
my $port = $upstream->sockport;
my $echo = fork() // die($!);

if ($echo == 0) {
    local $SIG{PIPE} = 'IGNORE';

    while (my $client = $upstream->accept) {
        my $head = '';

        while ($head !~ /\r\n\r\n/) {
            sysread($client, $head, 65536, length($head)) or last;
        }

        print $client "HTTP/1.0 200 OK\r\nContent-Length: " . length($head)
                      . "\r\n\r\n$head";
        close($client);
    }

    POSIX::_exit(0);
}

close($upstream);
END { kill('TERM', $echo) if $echo }

my $nginx = start_nginx(<<"END" . <<'END' =~ s/UPSTREAM/http:\/\/127.0.0.1:$port/gr);
    keepers_zone            2m;
    keepers_key_file        $p->{dir}/keys/edge.keys;
    keepers_redis           unix:$p->{redis_socket} user=edge
                            password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout   1s;
    keepers_session_cookie  keepers insecure;
END
    # the host that lets most of it through
    underscores_in_headers  on;
    ignore_invalid_headers  off;

    server {
        listen 127.0.0.1:%%PORT%%;
        listen unix:%%DIR%%/h2.sock http2;

        location /open/ {
            proxy_pass UPSTREAM;
        }

        location /in/ {
            keepers_session  required;
            proxy_pass       UPSTREAM;
            proxy_set_header Keepers-Identity $keepers_identity;
        }

        # as it is done for WebSockets
        location /passed/ {
            keepers_session    required;
            proxy_pass         UPSTREAM;
            proxy_http_version 1.1;
            proxy_set_header   Keepers-Identity $keepers_identity;
            proxy_set_header   Keepers-User $keepers_user;
            proxy_set_header   Upgrade $http_upgrade;
            proxy_set_header   Connection $http_connection;
        }
    }
END

my ($token) = map { $_->value } grep { $_->name eq 'keepers' }
              @{sign_in($p)->cookie_jar->all};
my $ours = "keepers=$token";

canary($token);


# The status, and the header lines that the upstream got.
sub got {
    my ($uri, @lines) = @_;

    my $answer = raw($nginx->{port}, join("\r\n", "GET $uri HTTP/1.1",
                     'Host: x', @lines, '', ''), 20);
    my ($status, $head) = $answer =~ /\A\S+ (\d+) .*?\r\n\r\n(.*)\z/s;

    return ($status // 'none', split(/\r\n/, $head // ''));
}


# As a server folds it that makes '_' of whatever is no letter and no digit.
sub taken { return uc($_[0] =~ s/[^A-Za-z0-9]/_/gr) =~ /^KEEPERS(?:_|\z)/ }


sub identity {
    my ($name, $value) = ($_[0] // '') =~ /^(Keepers-Identity): (.*)$/;

    return '' if !$name;
    return eval { decode_json(decode_base64url((split(/\./, $value))[1]))->{iss} };
}


sub pick { return $_[rand(@_)] }


sub spelling {
    my $name = pick(qw(keepers Keepers-User keepers_role KEEPERS-IDENTITY
                       keepers-identity Keepers-Business X-Keepers keepersx
                       Keepers.Aal __Host-keepers keepers-Probe Keepers--User
                       accept-x Xkeepers keepers2 Kee-pers));

    for (1 .. rand(4)) {
        my $at = int(rand(length($name)));

        substr($name, $at, 1) = pick(sub { $_[0] ^ ' ' }, sub { $_[0] ^ ' ' },
                                     sub { '_' }, sub { '-' }, sub { '.' },
                                     sub { "$_[0]~" }, sub { '' },
                                     sub { "\xe9" }, sub { "$_[0]'" })
                                ->(substr($name, $at, 1));
    }

    # what no name begins with, and what nginx itself looks at
    return $name =~ /^[A-Za-z_][^\x00-\x20:\x7f]*\z/ ? $name : spelling();
}


# Of names, values and what stands between them, as nobody would write it.
sub cookies {
    my $line = '';

    for (1 .. 1 + rand(5)) {
        $line .= pick('keepers', 'keepers-device', 'keepers', 'Keepers', 'a',
                      'xkeepers', 'keepers2', '__Host-keepers', 'b', '"keepers',
                      spelling());
        $line .= pick('=', '=', '=', ' =', "\t= ", '==', '="', '');
        $line .= pick($token, 'v1.forged', '', '1', '"2"', "\xff");
        $line .= pick('; ', '; ', ';', ' ;', ';;', ', ', "\t; ");
    }

    return $line;
}


# What of a Cookie line a server would take for ours, which trims.
sub ours {
    return grep { /^[ \t]*(?:keepers|keepers-device)[ \t]*=/ } split(/;/, $_[0]);
}


subtest 'headers and cookies of all spellings' => sub {
    my ($names, $forged, $served) = (0, 0, 0);
    my @faults;

    for my $i (1 .. 150) {
        my $uri = pick(qw(/open/ /in/));
        my @names = map { spelling() } 1 .. 8;
        my %others = map { (lc($_) => 1) } grep { !taken($_) } @names;
        my @lines = ((map { "$_: forged" } @names),
                     (map { 'Cookie: ' . cookies() } 1 .. 2),
                     'Connection: close, ' . join(', ', map { spelling() } 1, 2));

        # the right one, so that there is a session, once
        push(@lines, "Cookie: $ours") if $uri eq '/in/' && rand() < 0.5;

        my ($status, @head) = got($uri, @lines);

        $names += @names;
        $forged += grep { taken($_) } @names;
        $served++ if $status == 200;

        # two that open, or none, have no session
        next if $uri eq '/in/' && $status == 401;

        if ($status != 200) {
            push(@faults, "$i: status $status: @names");
            next;
        }

        for my $line (@head) {
            my ($name, $value) = $line =~ /^([^:]+): ?(.*)$/s or next;

            next if $uri eq '/in/' && identity($line) eq 'keepers';
            push(@faults, "$i: $line") if taken($name);
            delete($others{lc($name)}) if $value eq 'forged';
            push(@faults, "$i: $line")
                if lc($name) eq 'cookie' && ours($value);
        }

        push(@faults, "$i: lost " . join(' ', keys(%others))) if %others;
    }

    is(join("\n", @faults), '', 'none reaches the upstream, and others do');
    cmp_ok($forged, '>', $names / 5, 'many were ours');
    cmp_ok($served, '>', 70, 'many were served');
};


subtest 'what a client calls hop-by-hop' => sub {
    my @values = (['keepers-identity', undef], ['Keepers-Identity, Keepers-User'],
                  ['close, keepers-identity', 'close'],
                  ['Upgrade, Keepers-Identity', 'Upgrade'],
                  ['KEEPERS_USER , upgrade', 'upgrade'],
                  ['keep-alive, Upgrade', 'keep-alive, Upgrade']);

    for my $case (@values) {
        my ($sent, $left) = @$case;

        # nginx takes one of it for itself, and the second line is read too
        for my $lines (["Connection: $sent"],
                       ['Connection: close', "connection: $sent"])
        {
            my $first = $lines->[0] =~ /close$/ && @$lines == 2;
            my ($status, @head) = got('/passed/', "Cookie: $ours", @$lines,
                                      'Connection: close');
            my @named = map { /^connection: (.*)$/i ? $1 : () } @head;
            my ($who) = grep { /^Keepers-User: / } @head;
            my ($proof) = grep { /^Keepers-Identity: / } @head;

            is($status, 200, "@$lines");
            unlike("@named", qr/keepers/i, 'none of ours is named');
            like("@named", qr/^\Q$left\E/, 'but what else is')
                if defined($left) && !$first;
            like($who // '', qr/^Keepers-User: [0-9a-f-]{36}$/, 'who it is');
            is(identity($proof), 'keepers', 'and the proof of it');
        }
    }
};


# Only what could be a token is worth a command.
subtest 'junk costs Redis nothing' => sub {
    my $asked = sub {
        my $stats = redis_cli($p->{redis}, 'INFO', 'commandstats');

        # the writer has commands of its own, and this is none of them
        return $stats =~ /^cmdstat_mget:calls=(\d+)/m ? $1 : 0;
    };
    my $text = substr($token, 3);
    my $machine = 'kp_' . 'A' x 60;
    my @junk = ('', 'v1.', 'v1.abc', "v2.$text", "V1.$text", "v1$text",
                "v1.${text}A", 'v1.' . substr($text, 0, 53), "v1.$text=",
                'v1.' . substr($text, 0, 53) . '!', "\"v1.$text\"", "v1.$text.",
                'v1.' . substr($text, 0, 53) . '_', 'v1.' . ('=' x 54),
                'v1.' . ('+' x 54), 'v1.' . ("\xff" x 54), 'x' x 57,
                'v1.' . ('A' x 26) . ' ' . ('A' x 27), 'A' x 4000, $machine);
    my $before = $asked->();

    for my $junk (@junk) {
        is((got('/in/', "Cookie: keepers=$junk", 'Connection: close'))[0], 401,
           length($junk) > 80 ? 'a long one' : "keepers=$junk");
    }

    for my $bearer ($machine, 'kp_', 'kp_x', substr($machine, 0, -1),
                    "${machine}A", 'kp_' . ('!' x 60))
    {
        is((got('/in/', "Authorization: Bearer $bearer",
                'Connection: close'))[0], 401, "Bearer $bearer");
    }

    is((got('/in/', "Cookie: keepers=$junk[4]; keepers=$junk[8]; keepers=",
            'Connection: close'))[0], 401, 'many at once');
    is($asked->() - $before, 0, 'no command is sent');

    # four bits of the last character are none of a token's: they are zero
    is((got('/in/', 'Cookie: keepers=v1.' . ('A' x 53) . 'Q',
            'Connection: close'))[0], 401, 'one of that shape');
    is($asked->() - $before, 1, 'is asked about');
};


my $h2 = qx(curl -s --http2-prior-knowledge --unix-socket $nginx->{dir}/h2.sock \\
            -H 'Cookie: a=1; $ours; keepers =2' -H 'keepers_user: forged' \\
            -H 'Keepers.User: forged' -H 'X-After: after' http://x/open/);

like($h2, qr/^x-after: after\r$/mi, 'HTTP/2: what is not ours');
unlike($h2, qr/forged|keepers/i, 'and not what is');

done_testing();
