//! What each behaviour does to which request.

use std::fs;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::header::CONTENT_LENGTH;
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};

use super::request::{Asked, What};
use super::texts::{Asking, Sent};
use super::{Behaviour, Liar, ReplyBody, slivers_below};

/// A root that no sliver has.
const FORGED_ROOT: &str = "f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0";
/// Answers that are kept to be shown again.
const ANSWERS_MAX: usize = 64;
const SIGNATURE_BYTES: usize = 64;
/// Where the bytes of a sample begin in a proof.
const SAMPLE_AT: usize = 4;

impl Liar {
    /// What it answers without asking the node, if it does.
    pub(super) fn instead(&self, asked: &Asked) -> Result<Option<Response<ReplyBody>>> {
        use Behaviour as B;
        let behaviour = self.mind().behaviour;
        Ok(match (behaviour, &asked.what, &asked.by) {
            (B::SignsForNothing, What::Store(_) | What::StoreBatch(_), Some(by)) => {
                Some(whole(StatusCode::OK, self.receipts(by, &asked.what, None)?))
            }
            (B::LiesAboutCapacity, What::Store(_) | What::StoreBatch(_), _) => Some(refusal(507, "full")),
            (B::RefusesAllButHeartbeats, What::Life, _) => None,
            (B::RefusesAllButHeartbeats, ..) => {
                let ways =
                    [(503, "busy"), (503, "unavailable"), (507, "full"), (403, "denied"), (421, "wrong_backend")];
                let (status, code) = ways[usize::try_from(self.mind().lies)? % ways.len()];
                Some(refusal(status, code))
            }
            (B::AnswersAuditsOnly, What::Length { name }, _) => {
                self.mind().measured.insert(name.clone());
                None
            }
            (B::AnswersAuditsOnly, What::Read { name, .. }, _) => {
                (!self.mind().measured.contains(name)).then(|| refusal(504, "timed_out"))
            }
            (B::AnswersFromAnotherSliver, What::Read { name, from, to }, _) => {
                self.bytes_of_another(name, *from, *to)?.map(|bytes| whole(StatusCode::OK, bytes))
            }
            (B::AnswersFromAnotherSliver, What::Prove { name }, Some(by)) => match self.answer_about(name, false) {
                Some(answer) => Some(self.signed_again(by, name, asked, &answer)?),
                None => None,
            },
            (B::ReplaysAnswers, What::Prove { name }, Some(by)) => match self.answer_about(name, true) {
                Some(answer) if self.mind().lies.is_multiple_of(2) => Some(whole(StatusCode::OK, answer)),
                Some(answer) => Some(self.signed_again(by, name, asked, &answer)?),
                None => None,
            },
            _ => None,
        })
    }

    /// What becomes of the node's reply.
    pub(super) fn afterwards(&self, asked: &Asked, status: StatusCode, reply: Bytes) -> Result<Response<ReplyBody>> {
        use Behaviour as B;
        let behaviour = self.mind().behaviour;
        let Some(by) = asked.by.as_ref().filter(|_| status == StatusCode::OK) else { return Ok(whole(status, reply)) };
        if let What::Prove { name } = &asked.what {
            self.remember(name, &reply);
        }
        let lie = match (behaviour, &asked.what) {
            (B::ForgesBytes, What::Read { .. }) => {
                let spoilt: Vec<u8> = reply.iter().map(|byte| byte ^ 1).collect();
                whole(status, spoilt)
            }
            (B::ForgesBytes, What::Prove { name }) => {
                let mut answer = reply.to_vec();
                answer[SAMPLE_AT] ^= 1;
                self.signed_again(by, name, asked, &answer)?
            }
            (B::ForgesRoots, What::Store(_) | What::StoreBatch(_)) => {
                whole(status, self.receipts(by, &asked.what, Some(FORGED_ROOT))?)
            }
            (B::DeletesAfterTheReceipt, What::Store(sent)) => {
                self.remove(std::slice::from_ref(sent))?;
                whole(status, reply)
            }
            (B::DeletesAfterTheReceipt, What::StoreBatch(sent)) => {
                self.remove(sent)?;
                whole(status, reply)
            }
            (B::StallsAtTheLastByte, What::Read { .. } | What::Prove { .. }) => stalling(reply),
            (B::LiesAboutCapacity, What::Space) => {
                let mut space: Value = serde_json::from_slice(&reply)?;
                space["free_bytes"] = json!(u64::MAX);
                whole(status, space.to_string())
            }
            _ => return Ok(whole(status, reply)),
        };
        self.mind().lies += 1;
        Ok(lie)
    }

    /// Receipts for what was sent, true or not.
    fn receipts(&self, by: &Asking, what: &What, root: Option<&str>) -> Result<String> {
        let receipt = |sent: &Sent| self.key.receipt(by, sent, root);
        Ok(match what {
            What::Store(sent) => json!({ "receipt": receipt(sent)? }),
            What::StoreBatch(sent) => {
                let receipts = sent.iter().map(|sent| Ok(json!({ "Ok": receipt(sent)? })));
                json!({ "slivers": receipts.collect::<Result<Vec<_>>>()? })
            }
            _ => Value::Null,
        }
        .to_string())
    }

    /// The proof of an earlier answer, signed as one to this question.
    fn signed_again(&self, by: &Asking, name: &str, asked: &Asked, earlier: &[u8]) -> Result<Response<ReplyBody>> {
        let at = earlier.len().checked_sub(SIGNATURE_BYTES).context("an answer has a signature")?;
        Ok(whole(StatusCode::OK, self.key.answer(by, name, &asked.body, &earlier[..at])?))
    }

    /// The oldest answer that is kept, about this sliver or about another one.
    fn answer_about(&self, name: &str, same: bool) -> Option<Bytes> {
        let mind = self.mind();
        mind.answers.iter().find(|(about, _)| (about == name) == same).map(|(_, answer)| answer.clone())
    }

    fn remember(&self, name: &str, answer: &Bytes) {
        let mut mind = self.mind();
        if mind.answers.len() < ANSWERS_MAX {
            mind.answers.push((name.to_owned(), answer.clone()));
        }
    }

    /// These bytes of another sliver of the node that is long enough.
    fn bytes_of_another(&self, name: &str, from: usize, to: usize) -> Result<Option<Vec<u8>>> {
        for file in slivers_below(&self.data)?.iter().filter(|file| !file.ends_with(name)) {
            if let Some(bytes) = fs::read(file)?.get(from..to) {
                return Ok(Some(bytes.to_vec()));
            }
        }
        Ok(None)
    }

    fn remove(&self, sent: &[Sent]) -> Result<()> {
        for file in slivers_below(&self.data)? {
            if sent.iter().any(|sent| file.ends_with(&sent.name)) {
                fs::remove_file(file)?;
            }
        }
        Ok(())
    }
}

fn whole(status: StatusCode, body: impl Into<Bytes>) -> Response<ReplyBody> {
    let mut reply = Response::new(Full::new(body.into()).boxed_unsync());
    *reply.status_mut() = status;
    reply
}

fn refusal(status: u16, code: &str) -> Response<ReplyBody> {
    let body = json!({ "code": code, "message": "come back later" }).to_string();
    whole(StatusCode::from_u16(status).expect("a status of the protocol"), body)
}

/// All but the last byte, and never that.
fn stalling(bytes: Bytes) -> Response<ReplyBody> {
    let len = bytes.len();
    let most = Ok(Frame::data(bytes.slice(..len.saturating_sub(1))));
    let body = StreamBody::new(stream::iter([most]).chain(stream::pending()));
    let mut reply = Response::new(body.boxed_unsync());
    reply.headers_mut().insert(CONTENT_LENGTH, len.into());
    reply
}
