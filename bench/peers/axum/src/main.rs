//! The four routes of the benchmark in axum, on a current-thread runtime: one core, no work stealing.

use axum::{
    body::Bytes,
    extract::Path,
    routing::{get, post},
    serve::ListenerExt,
    Json, Router,
};
use serde::Serialize;

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

fn main() {
    let port = std::env::args().nth(1).expect("usage: axum-peer PORT");
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("a runtime")
        .block_on(async move {
            let routes = Router::new()
                .route("/", get(|| async { "Hello, World!" }))
                .route(
                    "/json",
                    get(|| async {
                        Json(Message {
                            message: "Hello, World!",
                        })
                    }),
                )
                .route("/echo", post(|body: Bytes| async { body }))
                .route("/users/{id}", get(|Path(id): Path<String>| async { id }));
            let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}"))
                .await
                .expect("the port is free")
                // As every other server here has it; without, pipelined answers wait 40 ms for a delayed ACK.
                .tap_io(|stream| stream.set_nodelay(true).expect("TCP_NODELAY"));
            axum::serve(listener, routes).await.expect("serving goes on");
        });
}
