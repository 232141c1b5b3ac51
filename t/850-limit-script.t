#!/usr/bin/perl

# Copyright (C) Keepers

# The scripts that decide and give back, in a real Redis, against a model that
# has no TAT and rounds nothing: fifty thousand events over random rules, each
# decision that of the model, and what is used the same to a microsecond.  Then the clock of
# Redis goes back and forth, as after a failover: nobody is shut out for longer
# than a full bucket takes to drain.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::UNIX;
use Keepers::Scripts qw(script_text);
use Keepers::Test;
use Test::More;


my $events = $ENV{KEEPERS_SCRIPT_EVENTS} // 50_000;
my $seed = $ENV{KEEPERS_SEED} // time();

srand($seed);
note("KEEPERS_SEED=$seed");

my $redis = start_redis();
my $socket = IO::Socket::UNIX->new($redis->{socket}) or die $!;
my $in = '';


# A script of the module, with the time as its last two arguments.
sub script {
    my ($name) = @_;
    my $text = script_text($name);

    $text =~ s/call\('TIME'\)/{ARGV[#ARGV-1],ARGV[#ARGV]}/ or die $name;

    return command('SCRIPT', 'LOAD', $text);
}

sub encode { return join('', '*' . @_ . "\r\n",
                         map { '$' . length($_) . "\r\n$_\r\n" } @_) }

sub command {
    print $socket encode(@_);
    return reply();
}

sub line {
    while ($in !~ /\r\n/) {
        sysread($socket, $in, 65536, length($in)) or die 'Redis is gone';
    }

    $in =~ s/^(.*?)\r\n//;
    return $1;
}

sub reply {
    my $line = line();

    return $1 if $line =~ /^:(.*)/;
    return [map { reply() } 1 .. $1] if $line =~ /^\*(\d+)/;
    return line() if $line =~ /^\$\d/;
    return undef if $line eq '$-1';
    die $line if $line =~ /^-/;
    return $line;
}

sub split_us { return (int($_[0] / 1_000_000), $_[0] % 1_000_000) }

my $limit = script('LIMIT');
my $undo = script('UNDO');


# Rules whose bucket takes hours to fill: no key expires by the real clock
# before the clock of the test has passed it.
sub random_rule {
    my $burst = 1 + int(rand(20));

    return { interval => 3_600_000_000 + int(rand(1e11)), burst => $burst,
             shadow => rand() < 0.2 ? 1 : 0 };
}

sub full { return $_[0]{interval} * $_[0]{burst} }

sub fill {
    my ($rules, $us) = @_;

    for my $rule (@$rules) {
        $rule->{level} += $us;
        $rule->{level} = full($rule) if $rule->{level} > full($rule);
    }
}

# What the model says, and does.
sub decide {
    my ($rules, $costs) = @_;
    my (@said, @need, @pass);
    my $refused = 0;

    for my $i (0 .. $#$rules) {
        push(@need, ($costs->[$i] || 1) * $rules->[$i]{interval});
        push(@pass, $rules->[$i]{level} >= $need[$i] ? 1 : 0);
        $refused ||= !$pass[$i] && !$rules->[$i]{shadow};
    }

    for my $i (0 .. $#$rules) {
        my $rule = $rules->[$i];

        $rule->{level} -= $costs->[$i] * $rule->{interval}
            if $pass[$i] && !$refused;
        push(@said, $pass[$i] ? full($rule) - $rule->{level}
                              : $rule->{level} - $need[$i]);
    }

    return @said;
}

sub call {
    my ($now, $rules, $costs) = @_;

    return encode('EVALSHA', $limit, scalar @$rules,
                  (map { $_->{key} } @$rules),
                  (map { my $rule = $rules->[$_];
                         ($rule->{interval},
                          $rule->{interval} * ($rule->{burst} - 1),
                          $costs->[$_], $rule->{shadow}) } 0 .. $#$rules),
                  split_us($now));
}

# redis-cell#13, redis-cell#14: wrong for more than one a second, and by what had
# expired; throttled#67, throttled#12: units and digits of the time.
subtest 'against a model' => sub {
    my ($done, $wrong, $admitted, $runs) = (0, 0, 0, 0);

    while ($done < $events) {
        my $now = 1_795_000_000_000_000;
        my @rules = map { random_rule() } 1 .. 1 + int(rand(8));
        my ($text, @wanted) = ('');

        $runs++;
        $rules[$_]{key} = "model:$runs:$_" for 0 .. $#rules;
        $_->{level} = full($_) for @rules;

        for (1 .. 500) {
            my $us = int(rand(rand() < 0.2 ? 3 : 0.5)
                         * $rules[0]{interval});

            $now += $us;
            fill(\@rules, $us);

            if (rand() < 0.1) {
                my $rule = $rules[rand(@rules)];

                $rule->{level} += $rule->{interval};
                $rule->{level} = full($rule)
                    if $rule->{level} > full($rule);
                $text .= encode('EVALSHA', $undo, 1, $rule->{key},
                                $rule->{interval}, split_us($now));
                push(@wanted, undef);
                next;
            }

            my @costs = map { my $rule = $_;
                              rand() < 0.1 ? 1 + int(rand($rule->{burst}))
                                           : int(rand(3)) } @rules;

            $costs[$_] = $rules[$_]{burst} < $costs[$_] ? $rules[$_]{burst}
                                                        : $costs[$_]
                for 0 .. $#rules;
            $text .= call($now, \@rules, \@costs);
            push(@wanted, [decide(\@rules, \@costs)]);
        }

        print $socket $text;

        for my $wanted (@wanted) {
            my $reply = reply();
            my $got = ref($reply) ? $reply : [$reply];

            $done++;
            next if !$wanted;

            $admitted += $got->[0] >= 0;
            $wrong++ if "@$got" ne "@$wanted";
        }
    }

    cmp_ok($admitted, '>', $done / 20, 'some are admitted');
    is($wrong, 0, "$done decisions are those of the model");
};

# redis-cell#50, throttled#27: above a thousand a second the life of the key
# came to nothing, and with it the limit.
subtest 'a million a second' => sub {
    my $rule = { key => 'million', interval => 1, burst => 5, shadow => 0 };
    my $now = 1_795_000_000_000_000;

    # time stands still in a transaction, for what expires too
    print $socket encode('MULTI'), (map { call($now, [$rule], [1]) } 1 .. 7),
                  encode('PTTL', 'million'), encode('EXEC');
    reply() for 1 .. 9;

    my @answers = @{reply()};
    my $life = pop(@answers);

    is(join(' ', @answers), '1 2 3 4 5 -1 -1',
       'is a limit as any other, and comes back after a microsecond');
    is($life, 1, 'what it remembers lives for a millisecond, not for none');
};

# Signups', in the call that decides the limits of several.
sub admit_call {
    my ($admit, $now, $rules, $states, $requests) = @_;

    return encode('EVALSHA', $admit, @$states + @$requests,
                  (map { $_->{key} } @$states),
                  (map { $_->{key} } @$requests), 30_000,
                  pack('C*', map { $_->{rule} + 1 } @$states),
                  pack('C', scalar @$rules),
                  (map { ($_->{interval}, $_->{interval} * ($_->{burst} - 1),
                          $_->{cost}, $_->{shadow}) } @$rules),
                  (map { ($_->{says}, pack('C*', $_->{first},
                                           map { $_ + 1 } @{$_->{of}})) }
                   @$requests), split_us($now));
}

subtest 'a reservation' => sub {
    my $admit = script('ADMIT');
    my $now = 1_795_000_000_000_000;
    my $hour = 3_600_000_000;
    my @states = map { { key => "admit:$_", rule => 0 } } 0 .. 1;

    my $try = sub {
        my ($key, $said, $shadow, $first) = @_;

        print $socket admit_call($admit, $now,
            [{ interval => $hour, burst => 2, cost => 1,
               shadow => $shadow // 0 }], \@states,
            [{ key => $key, says => $said, first => $first // 0,
               of => [0, 1] }]);

        return join(' ', map { /^p:/ ? $_ : $_ / $hour } @{reply()});
    };
    my $used = sub {
        return join(' ', map { (command('GET', $_->{key}) - $now) / $hour }
                             @states);
    };

    is($try->('r:1', 'p:one'), '1 1', 'is made, and both rules are charged');
    is(command('GET', 'r:1'), 'p:one', 'with what it says');
    cmp_ok(command('PTTL', 'r:1'), '>', 29_000, 'and an end');

    is($try->('r:1', 'p:again'), 'p:one', 'who comes again is told of it');
    is($used->(), '1 1', 'and charged nothing');

    $try->('r:2', 'p:two');
    is($try->('r:3', 'p:three'), '-1 -1', 'a rule refuses');
    is($used->(), '2 2', 'then none is charged');
    is(command('EXISTS', 'r:3'), 0, 'and none is made');

    is($try->('r:3', 'p:three', 1), '-1 -1', 'one that refuses nobody');
    is(command('GET', 'r:3'), 'p:three', 'lets it be made');
    is($try->('r:2', 'p:x'), 'p:two',
       'and what was made is found by whom a rule would refuse');

    $now += 2 * $hour;
    is($try->('r:2', 'p:x', 0, 1), 'p:two 1', 'who comes again is charged, if '
       . 'he is to be');
    is($used->(), '1 0', 'by the first rules alone');
    $try->('r:2', 'p:x', 0, 2);
    is($try->('r:2', 'p:x', 0, 2), 'p:two -1 1',
       'and told when they would refuse');
    is($used->(), '2 1', 'then none is charged');

    command('SET', 'admit:0', $now + 100 * $hour);
    is($try->('r:4', 'p:four'), '-1 1', 'one that is far ahead refuses');
    is($used->(), '2 1', 'for as long as a full one does');
};

# Asked about together, each gets what it would have got by itself.
subtest 'several signups in a call' => sub {
    my $admit = script('ADMIT');
    my ($calls, $alone, $wrong, $found, $refused) = (0, 0, 0, 0, 0);

    while ($calls < $events / 50) {
        my $now = 1_795_000_000_000_000;
        my $run = ++$calls;
        my @rules = map { my $rule = random_rule();
                          $rule->{cost} = int(rand(3));
                          $rule->{cost} = $rule->{burst}
                              if $rule->{cost} > $rule->{burst};
                          $rule } 0 .. int(rand(5));
        my @states = map { { key => "batch:$run:$_", rule => rand(@rules),
                             level => undef } } 0 .. int(rand(8));

        $_->{rule} = int($_->{rule}) for @states;
        $_->{state} = { %{$rules[$_->{rule}]}, level => full($rules[$_->{rule}]) }
            for @states;

        for my $turn (1 .. 10) {
            my $us = int(rand($rules[0]{interval}));

            $now += $us;
            fill([map { $_->{state} } @states], $us);

            my @requests = map { my %seen;
                my @of = grep { !$seen{$_}++ }
                         map { int(rand(@states)) } 0 .. int(rand(4));

                { key => "batch:$run:r:$turn:$_", says => "p:$run:$turn:$_",
                  of => \@of, first => int(rand(@of + 1)) }
            } 1 .. 1 + int(rand(6));
            my @wanted;

            for my $request (@requests) {
                my $there = rand() < 0.2;
                my @of = @{$request->{of}};

                if ($there) {
                    command('SET', $request->{key}, 'p:there');
                    push(@wanted, 'p:there');
                    @of = @of[0 .. $request->{first} - 1];
                    $found++;
                }

                my @its = map { $states[$_]{state} } @of;
                my @said = decide(\@its, [map { $_->{cost} } @its]);
                my $no = grep { $said[$_] < 0 && !$its[$_]{shadow} }
                              0 .. $#said;

                push(@wanted, @said);
                $refused += $no ? 1 : 0;
                $request->{made} = $there ? 'p:there' : $no ? ''
                                                     : $request->{says};
            }

            print $socket admit_call($admit, $now, \@rules, \@states,
                                     \@requests);

            my $got = join(' ', @{reply()});
            my $made = join(' ', map { $_ // '' }
                                     @{command('MGET', map { $_->{key} }
                                                           @requests)});

            $alone += @requests;
            $wrong++ if $got ne join(' ', @wanted)
                        || $made ne join(' ', map { $_->{made} } @requests);
        }
    }

    cmp_ok($found, '>', $alone / 10, "$found had come before");
    cmp_ok($refused, '>', $alone / 20, "$refused are refused");
    is($wrong, 0, "$alone signups in @{[10 * $calls]} calls are decided as one "
       . 'by one');
};

# nginx limit_req: a clock that goes back by more than a minute is a millisecond.
subtest 'a clock that steps' => sub {
    my $rule = { key => 'clock', interval => 3_600_000_000, burst => 5,
                 shadow => 0 };
    my $hour = $rule->{interval};
    my $now = 1_795_000_000_000_000;

    my $try = sub {
        my ($at) = @_;

        print $socket call($at, [$rule], [1]);
        return reply() >= 0 ? 1 : 0;
    };

    is(join(' ', map { $try->($now) } 1 .. 6), '1 1 1 1 1 0',
       'a bucket is emptied');
    is($try->($now - 30 * 24 * $hour), 0, 'a month back it is empty');
    is($try->($now - 30 * 24 * $hour + $hour), 1,
       'an hour on there is one again: nobody waits for a month');
    is($try->($now - 30 * 24 * $hour + $hour), 0, 'and one only');
    is(join(' ', map { $try->($now + 365 * 24 * $hour) } 1 .. 6),
       '1 1 1 1 1 0', 'a year ahead it is full, and no fuller');
    is(join(' ', map { $try->($now) } 1 .. 2), '0 0',
       'and back again it is empty');

    for my $junk ('-1', 'x', '1e300', '') {
        command('SET', 'clock', $junk);
        is(join(' ', map { $try->($now) } 1 .. 6),
           $junk eq '1e300' ? '0 0 0 0 0 0' : '1 1 1 1 1 0',
           "\"$junk\" in Redis is no error");
    }
};

done_testing();
