//! How things look: QR codes, pictures made from pictures. Bytes in, bytes out; no clock, and no IO but for the
//! machine's own fonts, where a text needs them (`fonts`).

pub mod card;
pub mod drawing;
pub mod fonts;
pub mod photo;
pub mod qr;
