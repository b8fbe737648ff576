//! The requests of the last minutes, in memory that does not depend on what clients send.
//!
//! [`request_window::RequestWindow`] keeps the requests themselves, each as a [`stored_request::StoredRequest`] of 48 bytes and
//! ids of texts in a [`text_store::TextStore`]. Any question about them ([`window_question::WindowQuestion`]) therefore has an
//! exact answer ([`window_report::WindowReport`]), whatever was asked before: by any property, with any filter, with
//! percentiles of each phase. If the memory does not suffice for all requests of the span, the oldest ones are dropped, and the
//! report covers less time, which it says.

pub(crate) mod request_window;
pub(crate) mod stored_request;
pub(crate) mod text_store;
pub(crate) mod window_question;
pub(crate) mod window_report;
#[cfg(test)]
mod window_tests;
