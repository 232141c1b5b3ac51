#!/usr/bin/perl

# Copyright (C) Keepers

# An application whose answers go on until the client leaves: a WebSocket at
# /ws, events at /events.  /open says how many of them are open, /slow answers
# after 300 ms.

use strict;
use warnings;

use Mojo::IOLoop;
use Mojolicious::Lite;

my $open = 0;


# Calls until the client is gone.
sub stream {
    my ($c, $send) = @_;
    my $timer = Mojo::IOLoop->recurring(0.05 => $send);

    $c->inactivity_timeout(0);
    $open++;
    $c->on(finish => sub { Mojo::IOLoop->remove($timer); $open-- });
    return;
}


websocket '/ws' => sub {
    my ($c) = @_;

    stream($c, sub { $c->send('tick') });
};

get '/events' => sub {
    my ($c) = @_;

    $c->res->headers->content_type('text/event-stream');
    $c->write;
    stream($c, sub { $c->write_chunk("data: tick\n\n") });
};

get '/open' => sub { $_[0]->render(text => $open) };

get '/slow' => sub {
    my ($c) = @_;

    $c->render_later;
    Mojo::IOLoop->timer(0.3 => sub { $c->render(text => 'SLOW') });
};

app->log->level('fatal');
app->start;
