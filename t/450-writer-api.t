#!/usr/bin/perl

# Copyright (C) Keepers

# A business sees its own customers and nothing else, each role what it may,
# and every read and change stands in a log that it can read.

use strict;
use utf8;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Mojo::JSON qw(decode_json encode_json);
use Test::More;

binmode($_, ':utf8') for map { Test::More->builder->$_ }
    qw(output failure_output todo_output);


my $p = start_platform(limits => 'off');
my $password = 'canary-a-long-password';
my $n = 0;


sub person {
    my ($email, %field) = @_;

    return ua()->post($field{url} // $p->{link_url}
                      => { 'Idempotency-Key' => "canary-" . ++$n }
                      => json => { name => $field{name} // 'Ana',
                                   email => $email,
                                   map { ($_ => $field{$_}) }
                                   grep { $_ ne 'url' && $_ ne 'name' }
                                   keys %field })->res->code;
}


sub api {
    my ($ua, $method, $path, @body) = @_;

    return $ua->start($ua->build_tx($method => "$p->{url}/api/v1/$path"
                      => { Origin => $p->{url} } => @body))->res;
}


sub items { decode_json(api($_[0], GET => $_[1])->body)->{items} }


my ($status, $text) = operator($p, "$password\n", qw(account add --business Other
                               --email canary-other@example.org --role owner));
is($status, 0, 'another business') or diag($text);
my ($other_id) = $text =~ /^business=(\S+)/m;

($status, $text) = operator($p, '', qw(link list --business), $p->{business}
                            // ($p->{dir} && slurp("$p->{dir}/owner.env")
                                =~ /BUSINESS=(\S+)/)[0]);
is($status, 0, 'links are listed');
like($text, qr/^corner-coffee open \d+ /m, 'by slug');

my ($business) = slurp("$p->{dir}/owner.env") =~ /BUSINESS=(\S+)/;

for my $role (qw(manager staff auditor)) {
    ($status, $text) = operator($p, "$password\n", qw(account add --business-id),
                                $business, '--email',
                                "canary-$role\@example.org", '--role', $role);
    is($status, 0, "a $role") or diag($text);
}

($status, $text) = operator($p, '', 'link', 'add', '--business', $other_id,
                            qw(--slug other-place --offer Tea));
is($status, 0, 'a link of the other business') or diag($text);
ok(wait_for { ua()->get("$p->{url}/l/other-place")->res->code == 200 },
   'is served without a restart');

($status) = operator($p, "short\n", qw(account add --business X
                     --email canary-x@example.org --role owner));
isnt($status, 0, 'a short password is refused');
($status, $text) = operator($p, "$password\n", qw(account add --business X
                            --email canary-x@example.org --role king));
isnt($status, 0, 'an unknown role is refused');
like($text, qr/role/, 'and named');
is(sql($p, 'SELECT count(*) FROM businesses'),
   2, 'and left no business behind that nobody can sign in to');
($status, $text) = operator($p, '', 'link', 'add', '--business', $other_id,
                            qw(--slug other-place --offer Tea));
isnt($status, 0, 'a slug is given out once');
like($text, qr/slug_taken/, 'and says so');

my $owner = sign_in($p);
my %role = map { $_ => sign_in($p, "canary-$_\@example.org", $password) }
           qw(manager staff auditor other);

is(person('canary-ana@example.org', name => 'Ana Beck'), 202, 'one joins');
is(person('canary-bea@example.org', name => 'Béa Čapek'), 202, 'two join');
is(person("canary-c$_\@example.org", name => "Cy $_"), 202, "more: $_")
    for 1 .. 5;
is(person('canary-tea@example.org', url => "$p->{url}/l/other-place"), 202,
   'one joins the other');

subtest 'customers' => sub {
    my $items = items($owner, 'customers');

    is(scalar @$items, 7, 'are listed');
    is($items->[-1]{email}, 'canary-ana@example.org', 'newest first');
    is_deeply([sort keys %{$items->[0]}],
              [qw(email flags id joined link name phone status)], 'as promised');
    like($items->[0]{joined}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'a time');

    is(scalar @{items($owner, 'customers?q=b%C3%89A')}, 1,
       'are found without regard to case');
    is(scalar @{items($owner, 'customers?q=canary-c')}, 5, 'by address');
    is(scalar @{items($owner, 'customers?q=nobody')}, 0, 'or not');

    my (@seen, $next);

    do {
        my $page = decode_json(api($owner, GET => 'customers?limit=3'
                                   . ($next ? "&after=$next" : ''))->body);
        push(@seen, map { $_->{id} } @{$page->{items}});
        $next = $page->{next};
    } while ($next && @seen < 20);

    is(scalar @seen, 7, 'page by page');
    is_deeply(\@seen, [map { $_->{id} } @$items], 'each once, in order');
    is(api($owner, GET => "customers?$_")->code, 422, "not by $_")
        for qw(limit=0 limit=999 limit=x after=@@@);
};

subtest 'summary' => sub {
    my $summary = decode_json(api($owner, GET => 'summary')->body);

    is($summary->{total}, 7, 'in all');
    is($summary->{today}, 7, 'today');
    is(scalar @{$summary->{days}}, 30, 'thirty days');
    is($summary->{business}{name}, 'Corner Coffee', 'of this business');
};

subtest 'another business' => sub {
    my ($mine) = items($owner, 'customers')->[0];
    my ($theirs) = items($role{other}, 'customers')->[0];

    is(scalar @{items($role{other}, 'customers')}, 1, 'sees its own alone');
    is(scalar @{items($role{other}, 'customers?q=Ana%20Beck')}, 0,
       'and finds its own alone');
    is(api($role{other}, GET => "customers/$mine->{id}")->code, 404,
       'another one is unknown');
    is(api($role{other}, GET => 'customers/' . '0' x 8 . '-0000-7000-8000-'
           . '0' x 12)->body,
       api($role{other}, GET => "customers/$mine->{id}")->body,
       'as one that never was');
    is(api($role{other}, DELETE => "customers/$mine->{id}")->code, 404,
       'and cannot be erased');
    is(api($owner, GET => "customers/$theirs->{id}")->code, 404,
       'nor the other way');
    is(api($role{other}, POST => 'links/corner-coffee/close')->code, 404,
       'a link neither');
    is(api($role{other}, GET => 'links/corner-coffee/qr.svg?url='
           . 'http://x/l/corner-coffee')->code, 404, 'nor its code');
    is(scalar @{items($owner, 'customers')}, 7, 'all are there');
};

subtest 'roles' => sub {
    my $id = items($owner, 'customers')->[0]{id};
    my %expect = (
        'GET customers'               => [qw(200 200 200)],
        "GET customers/$id"           => [qw(200 200 200)],
        'GET links'                   => [qw(200 200 200)],
        'GET held'                    => [qw(200 200 200)],
        'GET audit'                   => [qw(403 403 200)],
        "DELETE customers/$id"        => [qw(- 403 403)],
        'POST links'                  => [qw(422 403 403)],
        'POST links/none/close'       => [qw(404 403 403)],
        "POST held/$id/accept"        => [qw(404 403 403)],
    );

    for my $route (sort keys %expect) {
        my ($method, $path) = split(/ /, $route);
        my @role = qw(manager staff auditor);

        for my $i (0 .. 2) {
            next if $expect{$route}[$i] eq '-';
            is(api($role{$role[$i]}, $method => $path,
                   $method eq 'POST' ? (json => {}) : ())->code,
               $expect{$route}[$i], "$role[$i]: $method $path");
        }
    }

    my $masked = items($role{staff}, 'customers')->[-1];

    like($masked->{email}, qr/^c•••\@example\.org$/,
         'staff see addresses masked');
    is(scalar @{items($role{staff}, 'customers?q=canary-an')}, 0,
       'and do not find them letter by letter');
    is(scalar @{items($role{staff}, 'customers?q=canary-ana@example.org')}, 1,
       'but whole, as said at the counter');
};

subtest 'erasing' => sub {
    my ($ana) = grep { $_->{name} eq 'Ana Beck' } @{items($owner, 'customers')};

    is(api($owner, DELETE => "customers/$ana->{id}")->code, 204, 'is done');
    is(api($owner, GET => "customers/$ana->{id}")->code, 404, 'gone');
    is(decode_json(api($owner, GET => 'summary')->body)->{total}, 6,
       'one less');
};

subtest 'the same address again' => sub {
    my ($bea) = @{items($owner, 'customers?q=canary-bea')};

    is(person('canary-bea@example.org', name => 'Mallory'), 202, 'is received');
    is(person('CANARY-Bea@EXAMPLE.org', name => 'Mallory'), 202,
       'in another spelling too');

    my ($after) = @{items($owner, 'customers?q=canary-bea')};

    is_deeply($after, $bea, 'nothing that was stored has changed');
    is(scalar @{items($owner, 'customers')}, 6, 'and nobody was added');
};

subtest 'the log' => sub {
    my $log = items($owner, 'audit?limit=200');
    my %what = map { $_->{what} => 1 } @$log;

    ok($what{$_}, "has $_") for qw(customers.read customer.read
        customer.erased account.created link.created audit.read);
    unlike(encode_json($log), qr/canary-(ana|bea|c\d)/,
           'and names no customer');

    sign_in($p) for 1 .. 2;
    ok((wait_for {
           (grep { $_->{what} eq 'signin' && $_->{who} eq $p->{owner_email} }
                 @{items($owner, 'audit?limit=200')}) >= 3
       }), 'every sign-in is there');

    my ($in) = grep { $_->{what} eq 'signin' } @$log;
    is($in->{subject}, '127.0.0.0/24', 'who came in, and roughly from where');

    for my $try (1 .. 3) {
        ua()->post("$p->{url}/signin" => { Origin => $p->{url} },
                   form => { email => $_, password => "wrong-password-$try" })
            for $p->{owner_email}, 'canary-nobody@example.org';
    }

    my @bad;
    ok((wait_for {
           @bad = grep { $_->{what} eq 'signin.refused' }
                  @{items($owner, 'audit?limit=200')};
       }), 'and who did not');
    is($bad[0]{who}, $p->{owner_email}, 'by the account that was tried');
    is($bad[0]{subject}, '127.0.0.0/24', 'without an address');
    is(scalar @bad, 1, 'a line a minute, whoever is trying');
};

subtest 'who is not one of us' => sub {
    for my $path (qw(summary customers links held audit nothing)) {
        is(api(ua(), GET => $path)->code, 401, "$path needs a session");
    }

    is(api($owner, GET => 'nothing')->code, 404, 'an unknown route');
    is(api($owner, PUT => 'customers')->code, 405, 'another method');

    my $socket = "http+unix://" . ($p->{writer_socket} =~ s{/}{%2F}gr);

    is(ua()->get("$socket/api/v1/customers")->res->code, 401,
       'past nginx there is nothing without an identity');
    is(ua()->get("$socket/api/v1/customers"
                 => { 'Keepers-Identity' => 'a.b.c' })->res->code, 401,
       'nor with a forged one');
    is(ua()->post("$socket/v1/admin/links" => { 'Keepers-Admin' => '1.00' }
                  => json => {})->res->code, 401, 'nor for an operator');
    is(ua()->post("$socket/v1/signups" => 'junk')->res->code, 400,
       'an envelope is opened or refused');
    is(ua()->get("$p->{url}/v1/signups")->res->code, 404,
       'and nginx leads nobody there');
};

done_testing();
