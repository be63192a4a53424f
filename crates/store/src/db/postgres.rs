//! PostgreSQL: threads that own a connection each.

use std::{collections::HashMap, error::Error as _, str::FromStr, sync::Arc, thread, time::Duration};

use postgres::{
    Client, Config, NoTls, Statement,
    config::SslMode,
    types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};

use super::{
    Error, Row, Tx, Value,
    queue::{Queue, Step},
};

/// Prepared statements kept by a connection; past this many (lists can be asked for in many shapes) they start anew.
const STATEMENTS: usize = 256;

/// How a connection is made.
#[derive(Clone)]
pub(super) struct Server {
    config: Config,
    tls: tokio_postgres_rustls::MakeRustlsConnect,
}

impl Server {
    pub(super) fn at(url: &str, timeout: Duration) -> Result<Self, Error> {
        // The URL holds a password: it is never part of a message.
        let mut config =
            Config::from_str(url).map_err(|_| Error::Unavailable("the database URL cannot be read".to_owned()))?;
        config.connect_timeout(timeout).application_name("mask");
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Defect(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { config, tls: tokio_postgres_rustls::MakeRustlsConnect::new(tls) })
    }

    /// Connects. Certificates are verified where the URL says `sslmode=require`; otherwise the connection is in clear, as
    /// an unverified one would only look safe.
    pub(super) fn connect(&self) -> Result<Connection, Error> {
        let client = match self.config.get_ssl_mode() {
            SslMode::Disable | SslMode::Prefer => self.config.connect(NoTls),
            _ => self.config.connect(self.tls.clone()),
        };
        Ok(Connection { client: client.map_err(explain)?, statements: HashMap::new() })
    }
}

/// A connection and what it has prepared.
pub(crate) struct Connection {
    client: Client,
    statements: HashMap<String, Statement>,
}

impl Connection {
    pub(super) fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        let statement = self.prepare(sql)?;
        let rows = self.client.query(&statement, &parameters(values)).map_err(explain)?;
        rows.iter()
            .map(|row| {
                (0..row.len())
                    .map(|column| row.try_get::<_, Value>(column).map_err(explain))
                    .collect::<Result<_, _>>()
                    .map(Row)
            })
            .collect()
    }

    pub(super) fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, Error> {
        let statement = self.prepare(sql)?;
        self.client.execute(&statement, &parameters(values)).map_err(explain)
    }

    pub(super) fn batch(&mut self, sql: &str) -> Result<(), Error> {
        self.client.batch_execute(sql).map_err(explain)
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement, Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).map_err(explain)?;
        if self.statements.len() >= STATEMENTS {
            self.statements.clear();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Runs something in a transaction; used where no queue is there yet.
    pub(super) fn transaction<T>(&mut self, step: impl FnOnce(&mut Tx<'_>) -> Result<T, Error>) -> Result<T, Error> {
        self.batch("BEGIN")?;
        let result = step(&mut Tx::Postgres(self));
        self.batch(if result.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
        result
    }
}

/// Starts the threads; the first takes over the connection that is there already.
pub(super) fn start(server: Server, first: Connection, threads: usize, steps: &Arc<Queue>) {
    let mut first = Some(first);
    for _ in 0..threads {
        let (server, steps, mut connection) = (server.clone(), Arc::clone(steps), first.take());
        let work = move || {
            while let Some(step) = steps.next() {
                run(&server, &mut connection, step);
            }
        };
        thread::Builder::new().name("mask-postgres".to_owned()).spawn(work).expect("the system can start a thread");
    }
}

/// Runs a step on a connection that is alive, and drops the connection when its state is in doubt.
fn run(server: &Server, place: &mut Option<Connection>, step: Step) {
    let is_write = step.is_write;
    let mut connection = match begin(server, place.take(), is_write) {
        Ok(connection) => connection,
        Err(error) => return step.refuse(&error.to_string()),
    };
    let Ok(ran) = step.run(&mut Tx::Postgres(&mut connection)) else { return };
    let Some(ran) = ran else {
        if !is_write || connection.batch("ROLLBACK").is_ok() {
            *place = Some(connection);
        }
        return;
    };
    let ended = match (is_write, ran.is_good) {
        (false, _) => Ok(()),
        (true, true) => connection.batch("COMMIT"),
        (true, false) => connection.batch("ROLLBACK"),
    };
    if ended.is_ok() && !connection.client.is_closed() {
        *place = Some(connection);
    }
    (ran.answer)(ended);
}

/// A connection on which the transaction has begun, if one is wanted. A connection that died since its last use is
/// replaced once; nothing was done on it yet.
fn begin(server: &Server, connection: Option<Connection>, is_write: bool) -> Result<Connection, Error> {
    let start = if is_write { "BEGIN" } else { "" };
    if let Some(mut connection) = connection
        && !connection.client.is_closed()
        && (!is_write || connection.batch(start).is_ok())
    {
        return Ok(connection);
    }
    let mut connection = server.connect()?;
    connection.batch(start)?;
    Ok(connection)
}

fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            // What PostgreSQL takes a bare parameter for (a LIMIT, say) is its choice; an integer is written as it wants it.
            Self::Integer(number) if *kind == Type::INT4 => i32::try_from(*number)?.to_sql(kind, out),
            Self::Integer(number) => number.to_sql(&Type::INT8, out),
            Self::Boolean(value) => value.to_sql(&Type::BOOL, out),
            Self::Text(text) => text.to_sql(&Type::TEXT, out),
            Self::Bytes(bytes) => bytes.to_sql(&Type::BYTEA, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::INT4, Type::BOOL, Type::TEXT, Type::VARCHAR, Type::BYTEA].contains(kind)
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        match *kind {
            Type::INT8 => i64::from_sql(kind, raw).map(Self::Integer),
            Type::INT4 => i32::from_sql(kind, raw).map(|number| Self::Integer(i64::from(number))),
            Type::BOOL => bool::from_sql(kind, raw).map(Self::Boolean),
            Type::BYTEA => Vec::<u8>::from_sql(kind, raw).map(Self::Bytes),
            _ => String::from_sql(kind, raw).map(Self::Text),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(kind: &Type) -> bool {
        <Self as ToSql>::accepts(kind)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn explain(error: postgres::Error) -> Error {
    // A message about a connection says little; its cause says why. Neither holds the password.
    let text = match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    // Classes 08 (connection), 53 (resources), 57 (operator), 40 (deadlock) and 55 (locked) pass; the rest is our defect.
    // https://www.postgresql.org/docs/15/errcodes-appendix.html
    match error.code().map(postgres::error::SqlState::code) {
        None if error.is_closed() || error.source().is_some_and(|cause| cause.is::<std::io::Error>()) => {
            Error::Unavailable(text)
        }
        Some(code) if ["08", "53", "57", "40", "55", "25", "28", "3D"].iter().any(|class| code.starts_with(class)) => {
            Error::Unavailable(text)
        }
        None if text.contains("connect") || text.contains("timeout") => Error::Unavailable(text),
        _ => Error::Defect(text),
    }
}
