#!/usr/bin/perl

# Copyright (C) Keepers

# Who asks whether an address is known learns nothing, neither by a byte nor by
# the clock.  Who looks suspicious, by the age of a form, by the trap or by the
# name, loses nothing: one more tap, or the business decides, for 14 days.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Keepers::Writer;
use Mojo::JSON qw(decode_json);
use Test::More;
use Time::Local ();
use Time::HiRes qw(sleep time);

my $p = start_platform(limits => 'off');
my $writer = Keepers::Writer->of_platform($p);
my $owner = sign_in($p);
my $ua = ua();
my $slug = 'corner-coffee';
my $hour_ms = 3600000;
my $day_ms = 24 * $hour_ms;
my $n = 0;


sub now_ms { return int(time() * 1000) }

# The token of a form that came to a person so many milliseconds ago.
sub ticket {
    my ($age_ms, $of) = @_;

    return $writer->seal(ticket => slug => $of // $slug,
                         now_ms => now_ms() - $age_ms);
}


sub form {
    my ($age_ms, %field) = @_;

    return $ua->post($p->{link_url} => form => {
        token => ticket($age_ms), name => 'Ana',
        email => 'canary-f' . ++$n . '@example.org', %field })->res;
}


sub json {
    my (%field) = @_;

    return $ua->post($p->{link_url} => { 'Idempotency-Key' => 'k' . ++$n }
        => json => { name => 'Ana', email => "canary-j$n\@example.org",
                     %field })->res;
}


# All that a client sees of an answer, but for the time of day.
sub seen {
    my ($res) = @_;

    $res->headers->remove('Date');
    return $res->build_start_line . $res->headers->to_string . "\n"
           . $res->body;
}


sub items { return $owner->get("$p->{url}/api/v1/$_[0]")->res->json->{items} }

sub found { return items("customers?q=$_[0]") }


subtest 'the bytes of an answer' => sub {
    my %first = (form => form($hour_ms, email => 'canary-known@example.org'),
                 json => json(email => 'canary-known2@example.org'));
    my %same = map { $_ => seen($first{$_}) } keys %first;
    my @known = (email => 'canary-known@example.org');
    my %case = ('is new'           => [],
                'is known'         => [@known],
                'is known in capitals' => [email => 'Canary-KNOWN@Example.ORG'],
                'is known by another name' => [@known, name => 'Mallory'],
                'agrees to more'   => [@known, consent_email => '1'],
                'has markup'       => [name => '<b>Ana'],
                'has a URL'        => [name => 'www.evil.example'],
                'is known, and has markup' => [@known, name => '<b>Ana']);

    is($first{form}->code, 303, 'the first form is thanked');
    is($first{json}->code, 202, 'the first JSON received');

    for my $case (sort keys %case) {
        is(seen(form($hour_ms, @{$case{$case}})), $same{form},
           "a form: who $case");
        is(seen(json(@{$case{$case}})), $same{json}, "JSON: who $case");
    }

    my ($ana, @more) = @{found('canary-known@')};

    is($ana->{name}, 'Ana', 'and nothing that was stored is other than it was');
    is(scalar @more, 0, 'and there is one');
};


# Pairs, in turns, so that a busy machine is as busy for both.  How often the
# one of a pair is the slower: one in two, if the clock says nothing.
subtest 'the time of an answer' => sub {
    my @known = map { "canary-clock$_\@example.org" } 1 .. 120;
    my (@new_s, @known_s);
    my $time = sub {
        my ($email) = @_;
        my $start = time();

        json(email => $email, name => 'Ana')->code == 202 or die("refused\n");
        return time() - $start;
    };

    $time->($_) for @known;

    for my $i (0 .. $#known) {
        my @do = (sub { push(@new_s, $time->("canary-new$i\@example.org")) },
                  sub { push(@known_s, $time->($known[$i])) });

        $_->() for $i % 2 ? @do : reverse @do;
    }

    my ($pairs, $slower) = (0, 0);

    for my $new (@new_s) {
        for my $known (@known_s) {
            $pairs++;
            $slower++ if $new > $known;
        }
    }

    my $share = $slower / $pairs;

    note(sprintf('new %.0f us, known %.0f us', map {
        1e6 * (sort { $a <=> $b } @$_)[@$_ / 2]
    } \@new_s, \@known_s));
    note(sprintf('a new one is the slower in %.2f of all pairs', $share));
    cmp_ok($share, '>', 0.1, 'a known address is not the slower one');
    cmp_ok($share, '<', 0.8, 'nor is a new one');
};


subtest 'the age of a form' => sub {
    my %want = (0 => 200, 300 => 200, 1500 => 200, 2500 => 303, 60000 => 303,
                23.9 * $hour_ms => 303, 24.1 * $hour_ms => 200,
                25 * $hour_ms => 200, 30 * $day_ms => 200,
                -5000 => 200, -10 * 60000 => 200);

    for my $age_ms (sort { $a <=> $b } keys %want) {
        my $email = "canary-age$age_ms\@example.org";
        my $res = form($age_ms, name => 'Bea', email => $email);

        is($res->code, $want{$age_ms}, "$age_ms ms: $want{$age_ms}");
        is(scalar @{found($email)}, $res->code == 303 ? 1 : 0,
           "$age_ms ms: stored, or not yet");
        next if $want{$age_ms} != 200;

        my $dom = $res->dom;

        ok($dom->at('.tap'), "$age_ms ms: one more tap");
        is($dom->at('#email')->{value}, $email, "$age_ms ms: values kept");
        is(form(0, name => 'Bea', email => $email,
                token => $dom->at('[name=token]')->{value})->code, 303,
           "$age_ms ms: which is enough");
        is(scalar @{found($email)}, 1, "$age_ms ms: and stored");
        is(scalar(grep { $_->{email} eq $email } @{items('held')}), 0,
           "$age_ms ms: not held");
    }

    is(form(0, token => ticket($hour_ms, 'corner-coffee-club'))->code, 403,
       'of another link: refused');
    is(form(0, token => ticket($hour_ms) =~ s/^(.{20})(.)/$1 . ($2 eq 'A' ? 'B'
       : 'A')/er)->code, 403, 'forged: refused');
};


subtest 'held, accepted in the dashboard' => sub {
    my %reason = ('<i>Cy' => 'markup', 'Win http://evil.example'
                  => 'url_in_name');

    for my $name (sort keys %reason) {
        my $email = "canary-$reason{$name}\@example.org";
        my $before = $owner->get("$p->{url}/api/v1/summary")->res->json;

        is(form($hour_ms, name => $name, email => $email)->code, 303,
           "$reason{$name}: is thanked");

        my ($held) = grep { $_->{email} eq $email } @{items('held')};
        my $after = $owner->get("$p->{url}/api/v1/summary")->res->json;

        is($held->{reason}, $reason{$name}, "$reason{$name}: held, and why");
        is($held->{name}, $name, "$reason{$name}: by the name");
        is($after->{held}, $before->{held} + 1, "$reason{$name}: counted");
        is(scalar @{found($email)}, 0, "$reason{$name}: is no customer");
        is($owner->post("$p->{url}/api/v1/held/$held->{id}/accept"
               => { Origin => $p->{url} })->res->code, 204,
           "$reason{$name}: accepted");
        is(found($email)->[0]{name}, $name, "$reason{$name}: is a customer");
        is(scalar(grep { $_->{email} eq $email } @{items('held')}), 0,
           "$reason{$name}: and held no more");
    }
};


subtest 'held for 14 days' => sub {
    my $trap = 0x8;                         # KEEPERS_SIGNUP_HELD_TRAP
    my $age_ms = 14 * $day_ms;
    my %age = (young => $age_ms - $hour_ms, old => $age_ms + 1000);

    for my $name (sort keys %age) {
        is($writer->signup(slug => $slug, name => $name, locale => 'en',
               flags => $trap, email => "canary-$name\@example.org",
               received_ms => now_ms() - $age{$name})->code, 202,
           "$name: held");
    }

    my ($young, @others) = grep { $_->{name} =~ /^(young|old)$/ }
                                @{items('held')};

    is($young->{name}, 'young', 'an hour before it is shown');
    is(scalar @others, 0, 'a second after it is not');
    is($young->{expires} =~ s/T.*//r, iso($young->{received}, 14),
       'and the business sees until when');
    ok((wait_for { sql($p, "SELECT count(*) FROM held WHERE expires_ms <= "
                       . now_ms()) == 0 }, 20), 'what is over is removed');
    is(scalar(grep { $_->{name} eq 'young' } @{items('held')}), 1,
       'the other stays');
    is($owner->post("$p->{url}/api/v1/held/$young->{id}/accept"
           => { Origin => $p->{url} })->res->code, 204,
       'and can be accepted in its last hour');
    is(found('canary-young')->[0]{name}, 'young', 'as a customer');
};


# The day so many days after a time.
sub iso {
    my ($time, $days) = @_;
    my ($y, $m, $d, $hour, $minute, $s) = $time =~ /(\d+)/g;
    my @day = gmtime(Time::Local::timegm($s, $minute, $hour, $d, $m - 1, $y)
                     + $days * 86400);

    return sprintf('%04d-%02d-%02d', $day[5] + 1900, $day[4] + 1, $day[3]);
}

done_testing();
