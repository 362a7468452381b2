//! What an invoice is in the published ledger: its transfers, and what opens the names in them.

use serde::{Deserialize, Serialize};

use crate::admin::error::{AdminError, Result};
use crate::admin::{Admin, Operation};
use crate::domain::money::account::LedgerAccount;
use crate::domain::money::epoch::Epoch;
use crate::domain::money::transfer::TransferCode;
use crate::ledger::log::{NameKind, Salter};
use crate::metadata::BillRow;
use crate::publication::LogKeys;
use crate::settlement::transfer_id;

/// Bills of one name and epoch: one for each bucket that had the name in it.
const BILLS: usize = 100;

/// Show what the invoice of an epoch is in the published ledger.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShowInvoiceLeaves {
    /// The bucket's name.
    pub bucket: String,
    /// The epoch.
    pub epoch: u64,
}

/// An invoice in the published ledger. Whoever has this knows what the names in its transfers stand for, and no others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceLeaves {
    /// The bucket's number.
    pub bucket_number: i64,
    /// Lines that open the names of the bucket and of its payer, as `haulout-name/1 KIND SALT NAME`.
    pub names: Vec<String>,
    /// The ids of the transfers that charge it, 32 hexadecimal digits each.
    pub transfers: Vec<String>,
}

impl Operation for ShowInvoiceLeaves {
    const NAME: &'static str = "invoice-leaves";
    type Reply = Vec<InvoiceLeaves>;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<Self::Reply> {
        let keys = LogKeys::find(&admin.metadata, admin.cluster, &admin.key, &admin.ambient).await;
        let keys = keys.map_err(|error| AdminError::Unavailable(error.to_string()))?;
        let bills = admin.metadata.bills_of(&self.bucket, Some(Epoch(self.epoch)), BILLS).await?;
        if bills.is_empty() {
            return Err(AdminError::refused(format!(
                "bucket {:?} was not billed for epoch {}",
                self.bucket, self.epoch
            )));
        }
        Ok(bills.iter().map(|bill| leaves(bill, &keys.salter)).collect())
    }
}

/// The ids are those of the plan, which charges published names.
fn leaves(bill: &BillRow, salter: &Salter) -> InvoiceLeaves {
    let number = bill.bucket.0.to_string();
    let bucket = salter.opening(NameKind::Bucket, &number);
    let payer = match &bill.payer {
        LedgerAccount::Payer(name) => Some(salter.opening(NameKind::Payer, name)),
        _ => None,
    };
    let accounts = (&salter.account(&bill.payer), &LedgerAccount::Escrow(bill.epoch));
    let charges = [
        (TransferCode::Storage, bill.charges.storage),
        (TransferCode::Write, bill.charges.write),
        (TransferCode::Requests, bill.charges.requests),
        (TransferCode::Egress, bill.charges.egress),
    ];
    let charged = charges.into_iter().filter(|(_, amount)| !amount.is_zero());
    let id = |code| hex::encode(transfer_id(bill.book, bill.epoch, code, accounts, &bucket.published()).0);
    InvoiceLeaves {
        bucket_number: bill.bucket.0,
        names: [Some(bucket.to_string()), payer.map(|payer| payer.to_string())].into_iter().flatten().collect(),
        transfers: charged.map(|(code, _)| id(code)).collect(),
    }
}
