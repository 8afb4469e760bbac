use super::*;
use crate::ErrorKind;

#[derive(Debug)]
struct Accepting;

#[async_trait::async_trait]
impl Transport for Accepting {
    async fn send(&self, _: Request<Bytes>) -> Result<Response<Bytes>> {
        Ok(Response::new(Bytes::new()))
    }
}

fn request(uri: &str) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = uri.parse().unwrap();
    request
}

#[test]
fn a_base_url_is_plain() {
    for good in ["https://api.example.net", "http://127.0.0.1:8080/", "https://example.net/v1"] {
        let joined = good.parse::<BaseUrl>().unwrap().join("/send").unwrap();
        assert!(joined.path().ends_with("/send") && !joined.path().contains("//"), "{joined}");
    }
    for bad in [
        "",
        "/v1",
        "example.net",
        "ftp://a.example.net",
        "https://u:p@a.b",
        "https://a.b?c=d",
        "https://a.b#c",
        "-----BEGIN PRIVATE KEY-----",
        "{}",
    ] {
        let error = bad.parse::<BaseUrl>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{bad}");
        assert!(error.to_string().starts_with("a base URL is"), "{error}");
    }
}

#[tokio::test]
async fn a_guard_in_front_of_an_own_transport_looks_at_every_url() {
    let builder = HttpBuilder::default().transport(Accepting);
    let open = builder.clone().build().unwrap();
    let guarded = builder.guard(EndpointGuard::public()).build().unwrap();
    for uri in ["https://127.0.0.1/a", "http://push.example.net/a", "https://a.internal/x"] {
        assert!(open.send(request(uri)).await.is_ok(), "{uri}");
        let error = guarded.send(request(uri)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Blocked, "{uri}");
    }
    assert!(guarded.send(request("https://push-demo.dev/a")).await.is_ok());
}
