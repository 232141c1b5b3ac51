#!/usr/bin/perl

# Copyright (C) Keepers

# The shipped logs hold what they say and nothing that a client wrote: the
# access log no address; the log for fail2ban, where a host has switched it on,
# those of refused requests and of no others, as fail2ban itself reads them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::UNIX;
use Keepers::Test;
use Test::More;


my $root = $Keepers::Test::root;
my $ban = work_dir() . '/refused.log';

# The shipped files and a log for fail2ban; budgets that are soon used up;
# clients with addresses of their own, and one without.
my $p = start_platform(conf => sub {
    my ($file) = @_;
    my ($dir) = $file =~ m{^(.*)/};
    my %text = map { $_ => slurp("$dir/keepers$_.conf") } qw(-limits -ban);

    $text{-limits} =~ s{(page_network.*?)rate=\S+ burst=\d+}
                       {${1}rate=2/h burst=8}s or die("no page_network\n");
    $text{-limits} =~ s{(signin_network.*?)rate=\S+ burst=\d+}
                       {${1}rate=2/h burst=3}s or die("no signin_network\n");
    $text{-ban} =~ s{\S+/ban/refused\.log}{$ban} or die("no access_log\n");

    spew("$dir/keepers$_.conf", $text{$_}, 0644) for keys %text;
    spew($file, slurp($file)
        =~ s{(access_log .* keepers;)}{include $dir/keepers-ban.conf; $1}r
        =~ s{(server_name  _;)}{$1 listen unix:$dir/nginx.sock;
                                set_real_ip_from 127.0.0.1;
                                real_ip_header X-Client;}r, 0644);
});

my ($dir) = $p->{nginx_conf} =~ m{^(.*)/};
my $ua = ua();
my %expected;                   # address => times, by what was wrong


sub from { return { 'X-Client' => $_[0], Origin => $p->{url} } }

sub lines { return split(/\n/, slurp($_[0])) }


# Notes what a refusal must leave behind.
sub refused {
    my ($res, $address) = @_;

    $expected{limit}{$address}++ if $res->code == 429;
    return $res->code;
}


sub sign_in_from {
    my ($address, $password, $email) = @_;
    my $code = refused(ua()->post("$p->{url}/signin" => from($address)
        => form => { email => $email // $p->{owner_email},
                     password => $password })->res, $address);

    $expected{signin}{$address}++ if $code == 401;
    return $code;
}


# What a program of fail2ban says.
sub fail2ban {
    my ($program, @arguments) = @_;
    my $tools = "$root/build/tools/usr";

    local $ENV{PYTHONPATH} = "$tools/lib/python3/dist-packages";
    local $ENV{PYTHONDONTWRITEBYTECODE} = 1;

    open(my $pipe, '-|', 'sh', '-c', 'exec "$0" "$@" 2>/dev/null',
         "$tools/bin/$program", @arguments) or die("$program: $!\n");

    my $said = do { local $/; <$pipe> } // '';

    close($pipe);
    return $said;
}


# What fail2ban finds: address => times.
sub found {
    my ($file, $which) = @_;
    my $filter = "$root/conf/fail2ban/filter.d/keepers.conf";
    my %found;

    $filter .= "[refused=$which]" if $which;
    $found{$_}++
        for split(/\n+/, fail2ban('fail2ban-regex', '-c',
                                  "$root/build/tools/etc/fail2ban",
                                  '--out', 'ip', $file, $filter));

    return \%found;
}


my @people = ('192.0.2.1', '192.0.2.2', '2001:db8:1::7', '2001:db8:2::7');
my $hostile = 'canary-agent limit=limited 198.51.100.66 reason=credentials';

subtest 'ordinary traffic' => sub {
    for my $address (@people) {
        $ua->get($p->{link_url}, from($address));
        $ua->get("$p->{url}/l/no-such-link", from($address));
        $ua->get("$p->{url}/dashboard/", from($address));
        $ua->get("$p->{url}/nothing", from($address));
        $ua->get("$p->{url}/signin", from($address));
        $ua->post($p->{link_url} => {
            %{from($address)}, 'Idempotency-Key' => "canary-$address"
        } => json => { name => 'Guest', email => "canary-$address\@example.org"
                       =~ s/:/-/gr });
    }

    is(sign_in_from('192.0.2.1', $p->{owner_password}), 303,
       'who knows the password');

    raw($p->{nginx}{port}, "limit=limited reason=credentials\r\n\r\n");
    raw($p->{nginx}{port}, "BREW /l/a HTTP/1.0\r\n\r\n");

    is(scalar(my @none = lines($ban)), 0, 'nobody is in the log for fail2ban');
};

subtest 'refusals' => sub {
    is(sign_in_from('203.0.113.1', 'wrong'), 401, 'a wrong password');
    is(sign_in_from('2001:db8:bad::1', 'wrong'), 401, 'over IPv6');
    is(sign_in_from('::ffff:203.0.113.4', 'wrong'), 401, 'mapped into it');

    # what was expected of the mapped address is for its IPv4
    $expected{signin}{'203.0.113.4'} =
        delete $expected{signin}{'::ffff:203.0.113.4'};

    is(join(' ', map { sign_in_from('203.0.113.2', 'wrong') } 1 .. 5),
       '401 401 401 429 429', 'who goes on is limited');

    for my $address ('203.0.113.3', '2001:db8:bad:1::2') {
        is(join(' ', map { refused($ua->get($p->{link_url}, from($address))
                                      ->res, $address) } 1 .. 10),
           '200 200 200 200 200 200 200 200 429 429', "pages for $address");
    }
};

subtest 'what a client can write' => sub {
    my @headers = ("User-Agent: $hostile", "Referer: $hostile",
                   "Cookie: keepers=$hostile", "Keepers-Limit: limited",
                   'X-Client: 203.0.113.9 limit=limited reason=credentials');

    for my $text ("/l/$hostile", '/l/x%0a2026-01-01T00:00:00+00:00%20'
                  . '198.51.100.66%20limit=limited%20reason=credentials',
                  '/signin?limit=limited&reason=credentials')
    {
        my $path = $text =~ s/ /%20/gr;

        raw($p->{nginx}{port}, "GET $path HTTP/1.1\r\nHost: $hostile\r\n"
            . join('', map { "$_\r\n" } @headers)
            . "Connection: close\r\n\r\n");
        raw($p->{nginx}{port}, "GET $path HTTP/1.1\r\nHost: x\r\n"
            . join('', map { "$_\r\n" } @headers)
            . "Connection: close\r\n\r\n");
    }

    is(sign_in_from('203.0.113.5', $hostile,
                    "canary-a\n198.51.100.66 limit=limited\@example.org"), 401,
       'a name with a line of its own');

    # behind a Unix socket nobody has an address
    my $body = 'email=canary-b%40example.org&password=wrong';
    my $socket = IO::Socket::UNIX->new("$dir/nginx.sock") or die("$!\n");

    print $socket "POST /signin HTTP/1.0\r\nHost: x\r\nOrigin: http://x\r\n"
        . "Content-Type: application/x-www-form-urlencoded\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
    like(scalar <$socket>, qr/ 401 /, 'a wrong password over a Unix socket');

    # for whom a page of another site would sign in wrongly
    is($ua->post("$p->{url}/signin" => { %{from('192.0.2.2')},
                                         Origin => 'http://evil.example' }
           => form => { email => $p->{owner_email}, password => 'wrong' })
          ->res->code, 403, 'sent by another site');

    ok((wait_for { slurp($ban) =~ / unix: limit=passed reason=credentials$/m }),
       'has a line without one');

    my @lines = lines($ban);
    my $all = join("\n", @lines);

    is(scalar(grep { !/^2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00
                       [ ](?:unix:|[0-9a-f.:]+)
                       [ ]limit=(?:passed|limited|)
                       [ ]reason=(?:credentials|rate_limited)$/x } @lines), 0,
       'lines are a time, an address and words of ours') or diag($all);
    unlike($all, qr/canary|198\.51\.100\.66/, 'and nothing of a client');
    is(scalar(grep { $all =~ /(?:^| )\Q$_\E /m } @people), 0,
       'nor of those who were not refused');
};

subtest 'what fail2ban finds' => sub {
    my $lines = 1;              # of who has no address

    $lines += $_ for map { values %$_ } values %expected;
    ok((wait_for { lines($ban) >= $lines }), 'all is written');
    is(scalar(my @all = lines($ban)), $lines, 'a line a refusal');

    is_deeply(found($ban, 'signin'), $expected{signin},
              'wrong credentials, by address');
    is_deeply(found($ban, 'limit'), $expected{limit},
              'what limits refused, by address');

    my %both = %{$expected{signin}};

    $both{$_} += $expected{limit}{$_} for keys %{$expected{limit}};
    is_deeply(found($ban), \%both, 'both');

    # were a client's text in a line, it would still have to be one of ours
    my $now = '2026-11-24T13:13:16+00:00';
    my $file = spew(work_dir() . '/forged.log', join('', map { "$now $_\n" }
        'unix: limit= reason=credentials',
        '192.0.2.1 limit=passed reason=',
        '192.0.2.1 limit=shadow reason=invalid',
        '192.0.2.1 limit=- reason=-',
        '192.0.2.1 limit=passed reason=credentials 198.51.100.66',
        'x 192.0.2.1 limit=limited reason=rate_limited',
        'localhost limit=limited reason=rate_limited'));

    is_deeply(found($file), {}, 'nothing but whole lines of ours');

};


subtest 'the jails' => sub {
    my $etc = work_dir() . '/fail2ban';
    my $jail = slurp("$root/conf/fail2ban/jail.d/keepers.conf");
    my ($log) = slurp("$root/conf/keepers-ban.conf")
                =~ /^access_log\s+(\S+) /m;

    is(join(' ', $jail =~ /^enabled\s*= (.*)$/mg), 'true false',
       'only wrong credentials are banned for as shipped');
    is($jail =~ s{^logpath  = \Q$log\E$}{logpath = $ban}mg, 2,
       'they read the log that is written');

    system('cp', '-r', "$root/build/tools/etc/fail2ban", $etc) == 0
        or die("no fail2ban\n");
    unlink(glob("$etc/jail.d/*"));
    spew("$etc/jail.d/keepers.conf", $jail =~ s/= false/= true/r);
    spew("$etc/filter.d/keepers.conf",
         slurp("$root/conf/fail2ban/filter.d/keepers.conf"));

    my $dump = fail2ban('fail2ban-client', '-c', $etc, '-d');

    like($dump, qr/'\Q$_\E', 'addlogpath', '\Q$ban\E'/, "$_ is understood")
        for qw(keepers-signin keepers-limit);
    like($dump, qr/'keepers-signin', 'addfailregex', '[^']*reason=credentials/,
         'and has its filter');
    like($dump, qr/'keepers-limit', 'addfailregex', '[^']*limit=limited/,
         'each its own');
};


# The access log

# A word in backticks in the section of a variable is one of its values.
sub words {
    my ($variable) = @_;
    my ($section) = slurp("$root/docs/variables.md")
                    =~ /^## \$\Q$variable\E\n(.*?)(?:^## |\z)/ms;

    return $section =~ /`([a-z_]+)`(?!\])/g;
}


subtest 'the access log' => sub {
    my $conf = slurp("$root/conf/keepers.conf");
    my ($format) = $conf =~ /^log_format keepers\s+(.*?);/ms;
    my ($map) = $conf =~ /^map \$request_uri \$keepers_route \{(.*?)^\}/ms;
    my ($methods) = $conf
                    =~ /^map \$request_method \$keepers_method \{(.*?)^\}/ms;
    my %value = (time_iso8601 => '2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00',
                 status => '[1-5]\d\d', body_bytes_sent => '\d+',
                 request_time => '\d+\.\d{3}',
                 keepers_redis_time => '(?:\d+\.\d{3}|-|)',
                 keepers_client => '(?:[\w-]{22}|-|)');

    $value{keepers_route} = join('|', map { quotemeta }
                                     $map =~ /(\S+);$/mg);
    $value{keepers_method} = join('|', $methods =~ /(\w+);$/mg);

    for my $name (qw(session limit signup cache reason)) {
        $value{"keepers_$name"} = join('|', words("keepers_$name"), '-', '');
    }

    $format =~ s/'\s*'//g;
    $format =~ s/^'|'$//g;

    my @fields = $format =~ /\$(\w+)/g;

    is(scalar @fields, 13, 'its fields');

    (my $pattern = quotemeta($format)) =~ s/\\\$(\w+)/(?:$value{$1})/g;

    my @lines = lines($p->{access_log});

    cmp_ok(scalar @lines, '>', 60, 'its lines');
    is(join("\n", grep { !/^$pattern$/ } @lines), '',
       'have the fields and words that are documented');
    is(join("\n", grep { /\b127\.|192\.0\.2|203\.0\.113|db8|canary|198\.51/ }
                  @lines), '', 'and no address, nor what a client wrote');

    # what must have been among them, that the above means something
    my $all = join("\n", @lines);

    like($all, $_, "$_ is there")
        for qr/ limit=limited .* reason=rate_limited /,
            qr/ session=none .* reason=session /, qr/ OTHER other /,
            qr/ signup=accepted /, qr/ reason=credentials /,
            qr/ reason=link_unknown /, qr/ session=- limit=- /;

    my ($example) = slurp("$root/docs/operations.md")
                    =~ /^(2026-\S+ \d+ POST .* client=.*)$/m;

    like($example, qr/^$pattern$/, 'the example of the documentation is one');
};

done_testing();
