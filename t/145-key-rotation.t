#!/usr/bin/perl

# Copyright (C) Keepers

# The edge ring is rotated as docs/operations.md says: by reloads, and nobody is
# signed out on the way; what is left of a key that is removed opens nothing.

# (lua-resty-session#55, lua-resty-session#148, lua-resty-session#23: a secret
# that each worker makes for itself is right once in N times.)

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Mojo::Util ();
use Test::More;


my $p = start_platform(limits => 'off');
my $keys = "$p->{dir}/keys";
my $made = work_dir() . '/made';

run_writer('', 'keygen', $made);

my %old = map { $_ => slurp("$keys/$_") } qw(edge.keys shared.keys);
my %new = map { $_ => slurp("$made/$_") } qw(edge.keys shared.keys);


# The rings as "text" makes them of the old line and the new one.  The writer
# is first: it must know what nginx is about to use.
sub rotate {
    my ($text) = @_;

    for my $ring (qw(edge.keys shared.keys)) {
        spew("$keys/$ring", $text->($old{$ring}, $new{$ring}));
    }

    restart($p->{writer});
    return reload($p->{nginx});
}


sub signed_in {
    my ($ua) = @_;

    return ($ua->get("$p->{url}/api/v1/sessions")->res->code // 0) == 200;
}


# Where a sign-in leads that has this way back.
sub leads {
    my ($next) = @_;

    return ua()->post("$p->{url}/signin" => { Origin => $p->{url} },
        form => { email => $p->{owner_email}, next => $next,
                  password => $p->{owner_password} })
        ->res->headers->location // '';
}


my @old = map { sign_in($p) } 1 .. 5;
my ($next) = (ua()->get("$p->{url}/dashboard/?x=1",
                        { Accept => 'text/html' })
              ->res->headers->location // '') =~ /next=([^&]+)/;

$next = Mojo::Util::url_unescape($next // '');
is(scalar(grep { signed_in($_) } @old), 5, 'five are signed in');
is(leads($next), '/dashboard/?x=1', 'and one knows the way back');

subtest 'a new line at the end' => sub {
    ok(rotate(sub { "$_[0]$_[1]" }), 'is taken');
    is(scalar(grep { signed_in($_) } @old), 5, 'nobody is signed out');
    push(@old, sign_in($p));
    ok(signed_in($old[-1]), 'one may sign in');
};

my @new;

subtest 'the new line first' => sub {
    ok(rotate(sub { "$_[1]$_[0]" }), 'is taken');
    is(scalar(grep { signed_in($_) } @old), 6, 'nobody is signed out');
    push(@new, map { sign_in($p) } 1 .. 3);
    is(scalar(grep { signed_in($_) } @new), 3, 'one may sign in');
    is(leads($next), '/dashboard/?x=1', 'the way back is known');
    is($old[5]->post("$p->{url}/signout" => { Origin => $p->{url} })
       ->res->code, 303, 'one may sign out');
    ok(!signed_in(pop(@old)), 'who came by the old line');
};

subtest 'the old line is gone' => sub {
    ok(rotate(sub { $_[1] }), 'is taken');
    is(scalar(grep { signed_in($_) } @new), 3, 'nobody of the new is');
    is(scalar(grep { signed_in($_) } @old), 0, 'all of the old are');
    is(leads($next), '/dashboard/', 'the way back is nobody\'s');
};


done_testing();
