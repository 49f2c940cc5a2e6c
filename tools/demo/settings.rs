//! What to run, where, and under which configuration file.

use std::env;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use crate::page;

/// The file that users copy.
pub const SHIPPED: &str = "envoy/envoy.yaml";

/// Where this program writes: Envoy's log, and a changed copy of the file.
pub const DIRECTORY: &str = "target/run";

/// The environment's choices.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Envoy's program.
    pub envoy: PathBuf,
    /// The module.
    pub module: PathBuf,
    /// Where clients connect.
    pub port: Port,
    /// Envoy's administration interface.
    pub admin: Port,
    /// The MCP server.
    pub upstream: Port,
}

/// A port, the variable that chooses it, and what the file says.
#[derive(Clone, Copy, Debug)]
pub struct Port {
    variable: &'static str,
    shipped: u16,
    /// The chosen port.
    pub number: u16,
}

const MODULE: &str = "target/mcp_policy_filter.wasm";

impl Settings {
    /// Reads the environment. An error is a line for the user.
    pub fn from_env() -> Result<Self, String> {
        let path =
            |variable| env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
        let settings = Self {
            envoy: path("ENVOY_BIN")
                .ok_or("ENVOY_BIN is not set; `make demo` and `make run` set it")?,
            module: path("MODULE").unwrap_or_else(|| MODULE.into()),
            port: Port::from_env("PORT", 10000)?,
            admin: Port::from_env("ADMIN_PORT", 9901)?,
            upstream: Port::from_env("UPSTREAM_PORT", 9100)?,
        };
        if !settings.module.is_file() {
            return Err(format!(
                "there is no module at {}; `make build` makes it",
                settings.module.display()
            ));
        }
        Ok(settings)
    }

    /// Errs with a line for the user if one of the ports is taken.
    pub fn check_ports(&self) -> Result<(), String> {
        // All at once, so that two equal ones are found too.
        let bound: Result<Vec<_>, _> = self.ports().iter().map(Port::try_bind).collect();
        bound.map(drop)
    }

    /// The configuration file to run: the shipped one if it fits, else a copy
    /// with other ports or another module in it.
    pub fn configuration(&self) -> Result<PathBuf, String> {
        let unchanged = self.ports().iter().all(|port| port.number == port.shipped);
        // However it is spelt: the file names it relative to the root.
        let same_module = fs::canonicalize(&self.module).ok() == fs::canonicalize(MODULE).ok();
        if unchanged && same_module {
            return Ok(SHIPPED.into());
        }
        let shipped = fs::read_to_string(SHIPPED)
            .map_err(|error| format!("{SHIPPED}: {error}; run this from the repository's root"))?;
        let copy = Path::new(DIRECTORY).join("envoy.yaml");
        fs::write(&copy, self.substitute(&shipped))
            .map_err(|error| format!("{}: {error}", copy.display()))?;
        page::note(&format!(
            "Your ports and module are in a copy of {SHIPPED}: {}",
            copy.display()
        ));
        Ok(copy)
    }

    fn ports(&self) -> [Port; 3] {
        [self.port, self.admin, self.upstream]
    }

    /// Line by line, so that no substitution can meet another's result.
    fn substitute(&self, shipped: &str) -> String {
        let line = |line: &str| {
            let indent = line.len() - line.trim_start().len();
            if line.trim_start().starts_with("filename: ") {
                let module = serde_json::Value::from(self.module.to_string_lossy());
                return format!("{}filename: {module}\n", &line[..indent]);
            }
            for port in self.ports() {
                let literal = format!("port_value: {} ", port.shipped);
                if line.contains(&literal) {
                    return line.replace(&literal, &format!("port_value: {} ", port.number)) + "\n";
                }
            }
            format!("{line}\n")
        };
        shipped.lines().map(line).collect()
    }
}

impl Port {
    /// On the loopback interface, where everything here listens.
    pub fn addr(self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.number))
    }

    fn from_env(variable: &'static str, shipped: u16) -> Result<Self, String> {
        let number = match env::var(variable) {
            Err(_) => shipped,
            Ok(text) if text.is_empty() => shipped,
            Ok(text) => match text.parse() {
                Ok(number) if number > 0 => number,
                _ => return Err(format!("{variable}={text} is not a port")),
            },
        };
        Ok(Self { variable, shipped, number })
    }

    fn try_bind(&self) -> Result<TcpListener, String> {
        TcpListener::bind(self.addr()).map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                format!("port {} is in use; choose another with {}=...", self.number, self.variable)
            }
            _ => {
                format!("port {}: {error}; choose another with {}=...", self.number, self.variable)
            }
        })
    }
}
