package Keepers::Load;

# Copyright (C) Keepers

# Many signups at once, and what became of them.
#
#     my $load = Keepers::Load->new($p);          # start_platform()
#     $load->run(0.5, sub { kill_hard($p->{writer}) });
#     is($load->lost, 0); is($load->doubled, 0);

use strict;
use warnings;

use Keepers::Test;
use Mojo::JSON qw(decode_json);
use Mojo::Promise;
use Time::HiRes qw(time);


sub new {
    my ($class, $platform) = @_;

    return bless({ platform => $platform, n => 0, received => {},
                   refused => {}, ua => ua()->max_connections(64) }, $class);
}


sub post_p {
    my ($self, $name, $key) = @_;

    return $self->{ua}->post_p($self->{platform}{link_url}
        => { 'Idempotency-Key' => $key // $name }
        => json => { name => $name, email => "canary-$name\@example.org" });
}


# Keeps 32 signups under way for so many seconds, and does something half way.
sub run {
    my ($self, $seconds, $meanwhile) = @_;
    my $until = time() + $seconds;
    my $one;

    $one = sub {
        return Mojo::Promise->resolve if time() > $until;

        my $name = 'w' . ++$self->{n};

        return $self->post_p($name)->then(sub {
            my $code = $_[0]->res->code;

            if ($code == 202) {
                $self->{received}{$name} = 1;
                return;
            }

            $self->{refused}{$code}++;
            return Mojo::Promise->timer(0.05);
        }, sub {
            $self->{refused}{'cut off'}++;
            return Mojo::Promise->timer(0.05);
        })->then($one);
    };

    Mojo::IOLoop->timer($seconds / 2 => $meanwhile) if $meanwhile;
    Mojo::Promise->all(map { $one->() } 1 .. 32)->wait;
    return;
}


sub received { return scalar(keys %{$_[0]{received}}) }

sub refused { return join(' ', sort keys %{$_[0]{refused}}) }


# The names of those that are stored, the newest first.
sub names {
    my ($self) = @_;
    my $p = $self->{platform};

    # what was thanked for while the writer was away is on its way
    wait_for { redis_cli($p->{redis}, 'XLEN', 'keepers:{spool}:q') eq '0' };

    my $owner = sign_in($p);
    my (@names, $next);

    do {
        my $url = "$p->{url}/api/v1/customers?limit=200"
                  . ($next ? "&after=$next" : '');
        my $page = decode_json($owner->get($url)->res->body);

        push(@names, map { $_->{name} } @{$page->{items}});
        $next = $page->{next};
    } while ($next);

    return @names;
}


# How often each name is stored.
sub stored {
    my ($self) = @_;
    my %times;

    $times{$_}++ for $self->names;
    return \%times;
}


# Of those received, how many are not stored; of those stored, how many twice.
sub lost_and_doubled {
    my ($self) = @_;
    my $times = $self->stored;

    return (scalar(grep { !$times->{$_} } keys %{$self->{received}}),
            scalar(grep { $times->{$_} > 1 } keys %$times));
}


1;
