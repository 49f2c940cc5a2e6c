//! Bodies under a content coding, in the shortest form that each coding has:
//! stored, not compressed. A server that decodes it cannot tell.

/// `gzip`.
pub fn gzip(body: &[u8]) -> Vec<u8> {
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let sum = crc32(body).to_le_bytes();
    let length = (body.len() as u32).to_le_bytes();
    [&head[..], &stored(body), &sum, &length].concat()
}

/// `deflate`, which in HTTP is zlib's format.
pub fn zlib(body: &[u8]) -> Vec<u8> {
    [&[0x78, 0x01][..], &stored(body), &adler32(body).to_be_bytes()].concat()
}

/// Bytes that some servers take for `deflate`: without zlib's head and sum.
pub fn stored(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut blocks = body.chunks(0xffff).peekable();
    while let Some(block) = blocks.next() {
        let length = block.len() as u16;
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    out
}

/// `br`.
pub fn brotli(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (index, block) in body.chunks(0x1_0000).enumerate() {
        // A window of 2^16 where the stream begins; then not the last block,
        // four digits of the length less one, and "uncompressed".
        let header = ((block.len() as u32 - 1) << 3) | (1 << 19);
        let header = if index == 0 { header << 1 } else { header };
        let bytes = header.to_le_bytes();
        out.extend(&bytes[..3]);
        out.extend(block);
    }
    out.push(3);
    out
}

fn crc32(body: &[u8]) -> u32 {
    !body.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
    })
}

fn adler32(body: &[u8]) -> u32 {
    let (mut low, mut high) = (1u32, 0u32);
    for byte in body {
        low = (low + u32::from(*byte)) % 65521;
        high = (high + low) % 65521;
    }
    (high << 16) | low
}
