-- Who has been through its vetting. Same name, number, tables and columns as migrations/sqlite/0034_vetted_providers.sql.

-- As the last settlement left it: by audits that count, of other accounts' buckets, and by the parameters in force. Placement goes by it.
ALTER TABLE provider_account ADD COLUMN is_vetted BOOLEAN NOT NULL DEFAULT FALSE;
-- By the parameters that an installation begins with, until the next settlement.
UPDATE provider_account SET is_vetted = (vetting >= 100
    AND COALESCE((SELECT MAX(e.number) FROM epoch e WHERE e.state = 'settled'), 0) > since_epoch);
