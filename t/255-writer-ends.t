#!/usr/bin/perl

# Copyright (C) Keepers

# A new password ends the sessions that the old one has opened, and what still
# runs under them; whatever was away when it was set.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use Keepers::Process;
use Keepers::Test;
use MIME::Base64 qw(encode_base64);
use Test::More;
use Time::HiRes qw(sleep time);


my $html = work_dir() . '/html';

mkdir($html);
truncate(spew("$html/big", '', 0644), 1 << 30);

my $p = start_platform(limits => 'off', conf => sub {
    my ($file) = @_;
    my $text = slurp($file);

    $text =~ s{(include\s+\S+/keepers-locations.conf;)}
              {$1\nlocation /file/ { keepers_session required;
               alias $html/; limit_rate 100k; }};
    spew($file, $text);
});

my ($business) = slurp("$p->{dir}/owner.env") =~ /^BUSINESS=(.*)/m;
my $email = "other-$$\@example.com";
my ($status, $text) = operator($p, "other-password\n", qw(account add --role
                               staff --business-id), $business,
                               '--email', $email);

is($status, 0, 'a second account') or diag($text);


sub password {
    my ($new) = @_;
    my ($status, $text) = operator($p, "$new\n", qw(account password --email),
                                   $p->{owner_email});

    is($status, 0, 'a new password') or diag($text);
    $p->{owner_password} = $new;
    return;
}


sub signed_in {
    my ($ua) = @_;

    return ($ua->get("$p->{url}/api/v1/sessions")->res->code // 0) == 200;
}


# Within three seconds.
sub ended {
    my ($ua) = @_;

    return wait_for { !signed_in($ua) } 3;
}


sub calls {
    my ($command) = @_;

    return redis_cli($p->{redis}, 'INFO', 'commandstats')
           =~ /cmdstat_$command:calls=(\d+)/ ? $1 : 0;
}


subtest 'all is up' => sub {
    my @ua = (sign_in($p), sign_in($p));
    my $other = sign_in($p, $email, 'other-password');
    my ($cookie) = map { $_->value } grep { $_->name eq 'keepers' }
                   @{$ua[0]->cookie_jar->all};
    my $download = listens($p->{nginx}{port});

    $download->syswrite("GET /file/big HTTP/1.1\r\nHost: x\r\n"
                        . "Cookie: keepers=$cookie\r\n\r\n");
    $download->blocking(0);
    IO::Select->new($download)->can_read(2);
    $download->sysread(my $answer, 65536);
    like($answer, qr/^HTTP\/1.1 200 /, 'a download runs');

    # past the moment at which its session is looked up anyway
    my $bytes = 0;

    while ($bytes < 150_000 && IO::Select->new($download)->can_read(2)) {
        $bytes += $download->sysread(my $more, 65536) || last;
    }

    cmp_ok($bytes, '>=', 150_000, 'and goes on');

    my $of_old = { %$p };

    password('a-second-password');
    ok(ended($_), 'a session of the old one ends') for @ua;
    ok(signed_in($other), 'but nobody else is signed out');

    my $until = time() + 2;
    my $cut = 0;

    while (!$cut && time() < $until) {
        IO::Select->new($download)->can_read(0.1) or next;
        my $n = $download->sysread(my $bytes, 65536);
        $cut = 1 if defined $n && $n == 0;
    }

    ok($cut, 'and the download is cut');
    ok(!eval { sign_in($of_old) }, 'the old one signs in nobody');

    my $ua = sign_in($p);
    my $before = calls('incr');
    sleep(2.5);
    is(calls('incr'), $before, 'once is enough');
    ok(signed_in($ua), 'a session of the new one stays');
    restart($p->{writer});
    sleep(1.5);
    ok(signed_in($ua), 'when the writer starts again, too');
};

subtest 'Redis is away' => sub {
    my $ua = sign_in($p);

    stop($p->{redis});
    password('a-third-password');
    restart($p->{writer});
    restart($p->{redis});
    ok((wait_for {
           ($ua->get("$p->{url}/api/v1/sessions")->res->code // 0) == 401
       } 8), 'it ends when Redis is back');
    ok((wait_for { eval { sign_in($p) } }), 'the new one signs in');
};

subtest 'Redis refuses' => sub {
    my $ua = sign_in($p);

    redis_cli($p->{redis}, 'ACL', 'SETUSER', 'writer', 'clearselectors');
    password('a-fourth-password');
    ok((wait_for { logs(qr/event=sessions state=kept/) }), 'it says so');
    ok(signed_in($ua), 'the session is still there');
    redis_cli($p->{redis}, 'ACL', 'LOAD');
    ok((wait_for { !signed_in($ua) } 8), 'and is not when it no longer does');
};

subtest 'the writer is away' => sub {
    my $ua = sign_in($p);

    stop($p->{writer});
    password('a-fifth-password');
    ok(signed_in($ua), 'the session is still there');
    restart($p->{writer});
    ok((wait_for { !signed_in($ua) } 8), 'and is not once it runs');
};

subtest 'a session of an older key' => sub {
    my $ua = sign_in($p);
    my $dir = "$p->{dir}/keys";

    open(my $random, '<:raw', '/dev/urandom') or die("urandom: $!\n");
    read($random, my $bytes, 32);

    # the writer's ring is made from the edge's by keygen alone: of a new one
    my $made = work_dir() . '/made';
    run_writer('', 'keygen', $made);

    for my $ring (qw(edge.keys shared.keys)) {
        spew("$dir/$ring", slurp("$made/$ring") . slurp("$dir/$ring"));
    }

    restart($p->{writer});
    reload($p->{nginx});
    ok((wait_for { signed_in($ua) }), 'it outlives a rotation');

    my $new = sign_in($p);
    password('a-sixth-password');
    ok(ended($ua), 'but not a new password');
    ok(ended($new), 'nor does one of the new key');
};

done_testing();
