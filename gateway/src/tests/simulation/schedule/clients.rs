//! The clients: what they ask for, one request of each at a time, and how it ends.

use std::time::Duration;

use harness::Ending;

use crate::tests::simulation::account::{Ended, KEYS_OF_VERSIONS, REGISTERS, UNVERSIONED, VERSIONED};
use crate::tests::simulation::gateway::{NAMES, Task};
use crate::tests::simulation::request::{CUSTOMERS, Condition, Customer, Found, Offset, Place, Reply, Request};
use crate::tests::simulation::schedule::{CLIENTS, Simulation};
use crate::tests::simulation::service::Service;
use crate::tests::simulation::world::BUCKETS;

/// A request under way.
pub(super) struct Pending {
    gateway: usize,
    request: Request,
    invoked: Duration,
    found: Found,
    task: Task<Reply>,
}

impl Simulation {
    pub(super) fn begin_request(&mut self) -> Option<usize> {
        let client = self.clients.iter().position(Option::is_none)?;
        let gateway = self.some_gateway()?;
        let request = self.some_request();
        self.note(&format!("client {client} asks {}: {request:?}", NAMES[gateway]));
        self.account.begins(&request);
        let (invoked, found) = (self.instant(), Found::default());
        let gateway_of = self.slots[gateway].gateway.as_ref()?;
        let service = Service::of(gateway_of.running()?, self.world.seed);
        let task = gateway_of.spawn(service.carry_out(request, Found::clone(&found)));
        self.clients[client] = Some(Pending { gateway, request, invoked, found, task });
        Some(gateway)
    }

    fn some_request(&mut self) -> Request {
        let place = self.some_place();
        let nth = self.dice.below(1_000);
        match self.dice.below(115) {
            0..24 => self.some_put(place, Condition::None),
            24..30 => self.some_put(place, Condition::Absent),
            30..36 => match self.account.values.recent_with_tag(nth) {
                Some((value, tag)) => self.some_put(place, Condition::Holds(value, tag)),
                None => Request::Get(place),
            },
            36..42 => Request::Upload(place, self.account.values.new_upload(), self.some_customer()),
            42..44 => Request::Abort(place, self.account.values.new_whole()),
            44..52 => Request::Delete(place),
            52..60 => Request::Copy(place, self.some_place(), self.some_customer()),
            60..68 => Request::List(place.bucket),
            68..76 => {
                let place = Place { bucket: VERSIONED, key: *self.dice.pick(&KEYS_OF_VERSIONS) };
                self.some_put(place, Condition::None)
            }
            76..80 => match self.account.some_version(nth) {
                Some((place, id)) => Request::DeleteVersion(place, id),
                None => Request::Get(place),
            },
            80..84 => match self.account.some_version(nth) {
                Some((place, id)) => Request::GetVersion(place, id),
                None => Request::Get(place),
            },
            100..110 => self.some_append(place.key, nth),
            110..115 => {
                let to = (place.key + 1 + self.dice.below(REGISTERS - 1)) % REGISTERS;
                let at = |key| Place { bucket: UNVERSIONED, key };
                Request::Rename(at(place.key), at(to))
            }
            _ => Request::Get(place),
        }
    }

    fn some_place(&mut self) -> Place {
        Place { bucket: self.dice.below(BUCKETS.len()), key: self.dice.below(REGISTERS) }
    }

    /// Most objects are enciphered with no key of a customer.
    fn some_customer(&mut self) -> Customer {
        let customer = self.dice.below(10);
        u8::try_from(customer).ok().filter(|customer| *customer < CUSTOMERS)
    }

    fn some_put(&mut self, place: Place, condition: Condition) -> Request {
        Request::Put(place, self.account.values.new_whole(), condition, self.some_customer())
    }

    fn some_append(&mut self, key: usize, nth: usize) -> Request {
        let place = Place { bucket: UNVERSIONED, key };
        let base = match self.dice.below(100) {
            0..20 => self.account.latest(place),
            20..25 => self.account.values.recent(nth),
            _ => None,
        };
        let offset = base.map_or(Offset::Found, |base| Offset::Guessed(base, self.account.values.size(base)));
        Request::Append(place, self.account.values.new_appended(), offset)
    }

    /// A client goes away in the middle of its request.
    pub(super) fn hang_up(&mut self) -> Option<usize> {
        let client = self.dice.below(self.clients.len());
        let pending = self.clients[client].take()?;
        self.note(&format!("client {client} hangs up"));
        self.end(client, &pending, Ending::Unknown, None);
        let gateway = pending.gateway;
        pending.task.abort();
        Some(gateway)
    }

    /// Takes down which requests have ended.
    pub(super) fn collect_replies(&mut self) -> Result<(), String> {
        // One may have found what another one has just appended, and so on.
        for _ in 0..CLIENTS {
            for pending in self.clients.iter().flatten() {
                self.account.sees(&pending.request, *pending.found.lock().unwrap());
            }
        }
        for client in 0..self.clients.len() {
            let Some(reply) = self.clients[client].as_ref().and_then(|pending| pending.task.take()) else { continue };
            let pending = self.clients[client].take().unwrap();
            self.note(&format!("client {client}: {reply:?}"));
            let ending = Ending::Done(self.instant());
            self.try_end(client, &pending, ending, Some(reply))?;
        }
        Ok(())
    }

    /// Nobody will be answered any more by a gateway that is gone.
    pub(super) fn break_off(&mut self, gateway: usize) {
        let at = self.instant();
        for client in 0..self.clients.len() {
            if self.clients[client].as_ref().is_some_and(|pending| pending.gateway == gateway) {
                let pending = self.clients[client].take().unwrap();
                self.end(client, &pending, Ending::UnknownUntil(at), None);
            }
        }
    }

    fn end(&mut self, client: usize, pending: &Pending, ending: Ending, reply: Option<Reply>) {
        self.try_end(client, pending, ending, reply).expect("nothing is wrong with what nobody was answered");
    }

    fn try_end(
        &mut self,
        client: usize,
        pending: &Pending,
        ending: Ending,
        reply: Option<Reply>,
    ) -> Result<(), String> {
        let found = *pending.found.lock().unwrap();
        let (client, request, invoked) = (client as u64, pending.request, pending.invoked);
        self.account.take_down(&Ended { client, request, invoked, found, ending, reply })
    }

    /// Whether a request is under way.
    pub(in crate::tests::simulation) fn is_busy(&self) -> bool {
        self.clients.iter().any(Option::is_some)
    }
}
