#!/usr/bin/perl

# Copyright (C) Keepers

# What is kept for a time goes when it is over: customers of links that say so,
# signups that were held.  A business that is damaged is in nobody's way.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Test::More;


my $p = start_platform(limits => 'off');
my $n = 0;


sub join_link {
    my ($slug, $name) = @_;

    return ua()->post("$p->{url}/l/$slug"
                      => { 'Idempotency-Key' => 'k' . ++$n }
                      => json => { name => $name,
                                   email => "canary-$n\@example.org" })
        ->res->code;
}

# Of the business called so.
sub rows {
    my ($table, $business) = @_;

    return sql($p, "select count(*) from $table t join businesses b"
                   . " on b.id = t.business where b.name = '$business'");
}


my (undef, $out) = operator($p, "canary-long-password\n", 'account', 'add',
                            '--business', 'Damaged', '--email',
                            'canary-owner@example.org', '--role', 'owner');
my ($business) = $out =~ /business=(\S+)/;

operator($p, '', 'link', 'add', '--business', $business, '--slug', 'damaged',
         '--offer', 'Tea', '--retention-days', 30);
ok((wait_for { ua()->get("$p->{url}/l/damaged")->res->code == 200 }),
   'two businesses');

is(join_link('damaged', 'First'), 202, 'a customer of the one');
is(join_link('corner-coffee', 'Second'), 202, 'and of the other');
is(join_link('corner-coffee', 'see https://example.org'), 202,
   'somebody is held');
cmp_ok(sql($p, "select expires_ms from customers where link ="
               . " (select id from links where slug = 'damaged')"),
       '>', (time() + 29 * 86400) * 1000, 'the link says how long');

stop($p->{writer});
my $whole = sql($p, "select hex(wrapped) from businesses"
                    . " where name = 'Damaged'");
sql($p, "update customers set expires_ms = 1000;"
        . "update held set expires_ms = 1000;"
        . "update businesses set wrapped = zeroblob(length(wrapped))"
        . " where name = 'Damaged'");
restart($p->{writer});

is(join_link('corner-coffee', 'Third'), 202, 'the writer goes on');
ok((wait_for { rows('customers', 'Corner Coffee') == 1 }),
   'what is over is gone, what is not stays');
ok((wait_for { rows('held', 'Corner Coffee') == 0 }), 'what was held, too');
is(rows('erasures', 'Corner Coffee'), 1, 'the erasure is kept in mind');
is(sql($p, "select count(*) from audit where what = 'customer.expired'"), 1,
   'and noted');
is(rows('customers', 'Damaged'), 1, 'without a key there is no note: it waits');
is(ua()->get("$p->{url}/readyz")->res->code, 200, 'nothing else is ill');
ok(!logs(qr/part=store well=0/), 'nor has been');

stop($p->{writer});
sql($p, "update businesses set wrapped = x'$whole' where name = 'Damaged'");
restart($p->{writer});
is(join_link('corner-coffee', 'Fourth'), 202, 'once it is mended');
ok((wait_for { rows('customers', 'Damaged') == 0 }), 'it is gone as well');

done_testing();
