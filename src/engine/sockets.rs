//! Connections and listeners, as the kernel of a host lists them. Pure.
//!
//! What is read is `/proc/<pid>/cgroup` of the container's first process, which proves that it is the container's, and behind it
//! the lists of its network, `net/tcp` and `net/tcp6` (the kernel's documentation, "The proc filesystem").

use std::collections::BTreeSet;

const ESTABLISHED: &str = "01";
const LISTENS: &str = "0A";

/// How many connections others have to a container: to these of its ports or, where there are none, to those that it listens
/// at. `None` if the text is not of the container with this id.
pub fn established(text: &str, id: &str, ports: &BTreeSet<u16>) -> Option<u64> {
    let is_row = |line: &&str| line.trim_start().split_once(": ").is_some_and(|(number, _)| is_number(number));
    let groups = text.lines().take_while(|line| !line.contains("local_address"));
    if id.is_empty() || !groups.into_iter().any(|line| line.contains(id)) || !text.contains("local_address") {
        return None;
    }
    let table = text.lines().skip_while(|line| !line.contains("local_address"));
    let sockets: Vec<_> = table.filter(is_row).filter_map(socket).collect();
    let listens = sockets.iter().filter(|socket| socket.state == LISTENS).map(|socket| socket.port);
    let ports = if ports.is_empty() { &listens.collect() } else { ports };
    let is_one = |socket: &&Socket<'_>| {
        // One to itself, such as its own health check's, is nobody's who waits.
        socket.state == ESTABLISHED && ports.contains(&socket.port) && socket.local != socket.remote
    };
    u64::try_from(sockets.iter().filter(is_one).count()).ok()
}

/// The ports that something listens at, by the lists of a network.
pub fn listening(text: &str) -> BTreeSet<u16> {
    text.lines().filter_map(socket).filter(|socket| socket.state == LISTENS).map(|socket| socket.port).collect()
}

struct Socket<'t> {
    local: &'t str,
    port: u16,
    remote: &'t str,
    state: &'t str,
}

fn socket(line: &str) -> Option<Socket<'_>> {
    let mut words = line.split_whitespace().skip(1);
    let (local, remote, state) = (words.next()?, words.next()?, words.next()?);
    let (local, port) = local.rsplit_once(':')?;
    let (remote, _) = remote.rsplit_once(':')?;
    Some(Socket { local, port: u16::from_str_radix(port, 16).ok()?, remote, state })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef";
    const TEXT: &str = "0::/system.slice/docker-0123456789abcdef.scope
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0200A8C0:0050 0100A8C0:C350 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1
   2: 0200A8C0:0050 0100A8C0:C351 06 00000000:00000000 03:00001770 00000000     0        0 0 3 0
   3: 0100007F:0050 0100007F:C352 01 00000000:00000000 00:00000000 00000000     0        0 4 1 0 20 4 30 10 -1
   4: 0200A8C0:C353 0900A8C0:1538 01 00000000:00000000 00:00000000 00000000     0        0 5 1 0 20 4 30 10 -1
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when
   0: 00000000000000000000000000000000:0051 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000
   1: 0000000000000000FFFF00000200A8C0:0051 0000000000000000FFFF00000100A8C0:C354 01 00000000:00000000 00:00000000
";

    #[test]
    fn what_others_have_open_counts_and_nothing_that_is_over_or_goes_out() {
        let count = |ports: &[u16]| established(TEXT, ID, &ports.iter().copied().collect());
        assert_eq!(count(&[0x50]), Some(1), "one is over, one is its own, one goes out");
        assert_eq!(count(&[0x51]), Some(1), "also where the address is of the newer kind");
        assert_eq!(count(&[]), Some(2), "all ports that it listens at");
        assert_eq!(count(&[9]), Some(0));
    }

    #[test]
    fn what_is_not_of_the_container_is_not_counted() {
        assert_eq!(established(TEXT, "fedcba9876543210", &BTreeSet::new()), None);
        assert_eq!(established(TEXT, "", &BTreeSet::new()), None);
        let (groups, tables) = TEXT.split_once('\n').expect("lines");
        assert_eq!(established(tables, ID, &BTreeSet::new()), None, "nobody says whose it is");
        assert_eq!(established(groups, ID, &BTreeSet::new()), None, "no list at all");
    }
}
